#pragma once

#include <filesystem>
#include <string>

#include "recon/config/yaml_node.h"

namespace recon {

/// A config file with the command line's overrides applied. Read it through YamlOptions (yaml_options.h).
class Config {
 public:
  /// Reads `file` and loads its `plugins`. Throws Error(usage): missing, larger than 16 MiB, not YAML, not a mapping.
  static Config from_file(const std::filesystem::path& file);
  /// `name` stands for the file in messages. Loads no plug-ins: the text may come out of somebody's data file.
  static Config from_text(const std::string& text, const std::string& name, const std::filesystem::path& folder = {});

  /// Applies one `--set a.b.0.c=value`; the value is YAML, nothing is an empty text. Its relative paths start at the working directory, and its
  /// location in messages is "--set a.b.0.c". Throws Error(usage).
  void set(const std::string& assignment);
  /// The same with the value apart; `location` stands for it in messages: "--steps".
  void set(const std::string& path, const std::string& value, const std::string& location);

  const YamlNodePtr& root() const { return root_; }

 private:
  explicit Config(YamlNodePtr root);
  YamlNodePtr root_;
};

}  // namespace recon
