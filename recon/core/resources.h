#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace recon {

/// The folders that recon's own files (priors, samples, configs) are looked for in, in this order:
///   - those that the environment variable RECON_DATA lists, separated by colons;
///   - `../share/recon` and `../../share/recon` beside the program;
///   - the same beside the shared library that this code is in, when it is in one.
/// No path of the machine that compiled the program is among them: an installation may be moved as a whole.
std::vector<std::filesystem::path> resource_folders();

/// The path of one of recon's own files or folders, e.g. "priors/natural_gray" or "data/samples/portrait.png".
/// Throws Error(usage) naming all places that were looked at.
std::filesystem::path resource(const std::string& name);

/// The parts of a list of paths separated by colons, as in PATH; empty ones are left out.
std::vector<std::string> split_path_list(const std::string& list);

}  // namespace recon
