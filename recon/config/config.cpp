#include "recon/config/config.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "recon/core/error.h"
#include "recon/core/plugin_loader.h"

namespace recon {
namespace {

constexpr std::uintmax_t max_file_bytes = 16U << 20U;

/// Loads the plug-ins that the key `plugins` names (paths from the config's folder), and gives the config without it:
/// it is no option of a verb.
YamlNodePtr with_plugins_loaded(const YamlNodePtr& root) {
  const YamlEntry* const entry = root->find("plugins");
  if (entry == nullptr) return root;
  const YamlNode& list = *entry->value;
  const auto is_text = [](const YamlNodePtr& item) { return item->kind == YamlNode::Kind::scalar; };
  if (list.kind != YamlNode::Kind::sequence || !std::all_of(list.items.begin(), list.items.end(), is_text)) {
    throw usage_error(list.location_of("plugins"), "expected a list of shared libraries, [libmine.so], found {}",
                      list.description());
  }
  for (const auto& item : list.items) load_plugin(item->folder / item->text);
  YamlNode rest = *root;
  std::erase_if(rest.entries, [](const YamlEntry& other) { return other.key == "plugins"; });
  return std::make_shared<const YamlNode>(std::move(rest));
}

}  // namespace

Config::Config(YamlNodePtr root) : root_(std::move(root)) {
  if (root_->kind != YamlNode::Kind::mapping && root_->kind != YamlNode::Kind::null) {
    throw usage_error(root_->location, "expected a config of `key: value` lines, found {}", root_->description());
  }
}

Config Config::from_file(const std::filesystem::path& file) {
  std::error_code failure;
  if (std::filesystem::is_directory(file, failure)) {
    throw usage_error(file.string(), "is a folder, expected a file");
  }
  if (!std::filesystem::is_regular_file(file, failure)) {
    throw usage_error(file.string(), "no such file");
  }
  const auto bytes = std::filesystem::file_size(file, failure);
  if (!failure && bytes > max_file_bytes) {
    throw usage_error(file.string(), "expected a config of at most 16 MiB, found {} MiB", bytes >> 20U);
  }
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream) throw usage_error(file.string(), "cannot be read");
  Config config = from_text(text, file.string(), file.parent_path());
  config.root_ = with_plugins_loaded(config.root_);
  return config;
}

Config Config::from_text(const std::string& text, const std::string& name, const std::filesystem::path& folder) {
  return Config(parse_yaml(text, {.name = name, .folder = folder}));
}

void Config::set(const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw usage_error("--set", "expected KEY.KEY...=VALUE, found '{}'", assignment);
  }
  const std::string path = assignment.substr(0, equals);
  const std::string value = assignment.substr(equals + 1);
  set(path, value.empty() ? "''" : value, "--set " + path);  // nothing, as a shell means it: an empty text
}

void Config::set(const std::string& path, const std::string& value, const std::string& location) {
  root_ = with_value(root_, path, parse_yaml(value, {.name = location, .folder = {}, .with_lines = false}));
}

}  // namespace recon
