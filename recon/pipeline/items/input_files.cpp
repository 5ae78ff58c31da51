#include "recon/pipeline/items/input_files.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>

#include "data/file_pattern.h"
#include "recon/config/yaml_scalars.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> files_of(const YamlNode& node, const std::string& option) {
  const std::string text = text_of(node, option);
  if (text.empty()) throw usage_error(node.location, "{}: expected a file or a pattern like data/*.h5", option);
  const std::string path = (node.folder / text).lexically_normal().string();
  if (fs::is_regular_file(path)) return {path};
  if (fs::is_directory(path) && recognised_format(path) != nullptr) return {path};
  if (fs::is_directory(path)) {
    throw usage_error(node.location, "{}: '{}' is a folder; write '{}' for the files in it", option, path,
                      (fs::path(text) / "*.h5").string());
  }
  if (!is_file_pattern(path)) {
    throw data_error(path, "there is no such file; check the path ({})", node.location_of(option));
  }
  auto found = files_matching(path);
  if (found.empty()) {
    throw usage_error(node.location, "{}: no file matches the pattern '{}'; check it with `ls`", option, path);
  }
  return found;
}

bool all_different(const std::vector<std::string>& names) {
  return std::set<std::string>(names.begin(), names.end()).size() == names.size();
}

/// The shortest names that tell the files apart.
std::vector<std::string> names_of(const std::vector<std::string>& paths) {
  fs::path folder = fs::absolute(paths.front()).lexically_normal().parent_path();
  const auto relative = [&](const std::string& path) {
    return fs::absolute(path).lexically_normal().lexically_relative(folder).generic_string();
  };
  const auto outside = [&](const std::string& path) { return relative(path).starts_with(".."); };
  while (std::any_of(paths.begin(), paths.end(), outside)) folder = folder.parent_path();
  const std::vector<std::function<std::string(const std::string&)>> rules = {
      [](const std::string& path) { return fs::path(path).stem().string(); },
      [](const std::string& path) { return fs::path(path).filename().string(); }, relative};
  std::vector<std::string> names;
  for (const auto& rule : rules) {
    names.clear();
    std::transform(paths.begin(), paths.end(), std::back_inserter(names), rule);
    if (all_different(names)) break;
  }
  return names;
}

}  // namespace

std::vector<InputFile> input_files(const YamlNode& node, const std::string& option) {
  std::vector<std::string> paths;
  std::set<fs::path> seen;
  const auto add = [&](const YamlNode& entry) {
    for (const auto& path : files_of(entry, option)) {
      if (!seen.insert(fs::canonical(path)).second) {
        throw usage_error(entry.location, "{}: '{}' is named twice; name every file once", option, path);
      }
      paths.push_back(path);
    }
  };
  if (node.kind == YamlNode::Kind::sequence) {
    for (const auto& entry : node.items) add(*entry);
  } else {
    add(node);
  }
  if (paths.empty()) throw usage_error(node.location, "{}: expected at least one file, the list is empty", option);
  const auto names = names_of(paths);
  std::vector<InputFile> files;
  for (std::size_t i = 0; i < paths.size(); ++i) files.push_back({paths[i], names[i]});
  return files;
}

}  // namespace recon
