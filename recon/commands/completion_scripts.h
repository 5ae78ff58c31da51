#pragma once

#include <string>
#include <vector>

#include "recon/commands/command_line.h"

namespace recon {

/// Scripts that complete verbs, options, the words of closed lists, names of registered kinds after `--set KEY=`, and
/// files elsewhere.
std::string bash_completion(const ProgramFacts& program, const std::vector<NamedValues>& values);
std::string zsh_completion(const ProgramFacts& program, const std::vector<NamedValues>& values);
std::string fish_completion(const ProgramFacts& program, const std::vector<NamedValues>& values);

}  // namespace recon
