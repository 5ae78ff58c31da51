#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace recon {

struct YamlNode;
using YamlNodePtr = std::shared_ptr<const YamlNode>;

/// One `key: value` of a mapping, in the order of the file.
struct YamlEntry {
  std::string key;
  std::string location;  ///< of the key
  YamlNodePtr value;
};

/// A parsed YAML value that knows where it stands. Immutable and shared (aliases share their anchor's node).
struct YamlNode {
  enum class Kind { null, scalar, sequence, mapping };

  Kind kind = Kind::null;
  std::string text;                ///< scalar
  bool quoted = false;             ///< scalar in quotes: a text even if it looks like a number
  std::vector<YamlNodePtr> items;  ///< sequence
  std::vector<YamlEntry> entries;  ///< mapping
  std::string location;            ///< "run.yaml:12" or "--set solver.steps"
  std::filesystem::path folder;    ///< relative paths in this value start here; empty: the working directory
  std::size_t expanded_size = 1;   ///< nodes below and including this one, aliases written out
  bool from_word = false;          ///< mapping that as_section() made

  const YamlEntry* find(const std::string& key) const;  ///< null when absent or not a mapping
  /// "run.yaml:12 solver" for the name of this value; a location that ends with the name, "--set run.solver", is
  /// enough.
  std::string location_of(std::string_view name) const;
  std::string description() const;  ///< for messages: "the text 'abc'", "a list of 3", "a section", "nothing"
};

/// Where a YAML text comes from.
struct YamlSource {
  std::string name;              ///< begins every location
  std::filesystem::path folder;  ///< where relative paths start; empty: the working directory
  bool with_lines = true;        ///< locations are "name:line"; false: just the name (one-line texts)
};

/// The one document in `text`. Every fault is an Error(usage) with its location: syntax, duplicate keys (which yaml-cpp
/// 0.7 would drop silently), binary content, keys that are not words, a second document, nesting deeper than 32 levels,
/// more than 200 000 values after writing out the aliases.
YamlNodePtr parse_yaml(const std::string& text, const YamlSource& source);

/// A word in the place of a section is the kind with its defaults: `solver: tv_pdhg` for `solver: {type: tv_pdhg}`.
/// Other nodes are returned as they are.
YamlNodePtr as_section(const YamlNodePtr& node);

/// A copy of `root` in which the value at the path ("a.b.0.c") is `value`. Missing mappings on the way are made, words
/// on the way become sections; a list index may be at most one past the end. Throws Error(usage) with the value's
/// location when the path leads nowhere.
YamlNodePtr with_value(const YamlNodePtr& root, const std::string& path, const YamlNodePtr& value);

}  // namespace recon
