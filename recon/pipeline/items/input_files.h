#pragma once

#include <string>
#include <vector>

#include "recon/config/yaml_node.h"

namespace recon {

/// A file of an input and what it is called in ids and results.
struct InputFile {
  std::string path;
  std::string name;  ///< its stem; with its ending or its folders too where stems are not all different
};

/// The files that `node` names: a text or a list of texts, each a path or a glob pattern (`*`, `?`, `[a-z]`). A path
/// starts at YamlNode::folder; what a pattern matches is sorted by name, the order of the list is kept.
///
/// Throws Error(data) for a path that is no file, Error(usage) with the value's place for a folder that no format reads
/// as a whole, a pattern that matches nothing, a file that is named twice.
std::vector<InputFile> input_files(const YamlNode& node, const std::string& option);

}  // namespace recon
