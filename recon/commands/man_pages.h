#pragma once

#include <map>
#include <string>

#include "recon/commands/command_line.h"

namespace recon {

/// Manual pages in man(7)'s macros: file name ("recon-run.1") -> text. recon.1 is the program's, recon-VERB.1 a verb's;
/// recon-TOPIC.7 is what `listings` (topic -> text of `recon list TOPIC`) says.
std::map<std::string, std::string> man_pages(const ProgramFacts& program,
                                             const std::map<std::string, std::string>& listings);

}  // namespace recon
