#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "recon/config/yaml_node.h"
#include "recon/core/error.h"
#include "recon/core/parameters.h"

namespace recon {

/// An array that an option names, and how the resolved options are to name it.
struct LoadedArray {
  at::Tensor value;
  nlohmann::ordered_json written;
};

/// Loads `{file: mask.png}`, `{dataset: mask}`, or what a single word stands for, for the option of that name; supplied
/// by those who can read files. Throws Error for anything it does not know. Number lists given inline never get here.
using ArraySource = std::function<LoadedArray(const YamlNode& node, const std::string& option)>;

/// The visitor that reads options from a YAML mapping.
///
/// Faults are Error(usage) with the value's location, what was expected and what was found. After everything has been
/// visited, finish() refuses keys that nobody asked for, naming the nearest known one. `resolved()` then holds every
/// option with its value, given or default, so that what is read, stored and shown cannot differ.
///
/// Factories build while they visit, so a mistyped key would first show as a missing one: checked_read() visits twice.
class YamlOptions final : public ParameterVisitor {
 public:
  /// check: values are read and checked, but arrays are not loaded.
  enum class Mode { check, read };

  /// `section` is its name in messages, "" for the whole config. A null node is an empty section.
  YamlOptions(YamlNodePtr node, std::string section, Mode mode = Mode::read, ArraySource arrays = {});

  void visit(const Parameter& parameter) override;
  std::vector<std::shared_ptr<ParameterVisitor>> sections(const char* name, const char* doc) override;
  std::string location() const override;
  bool reading() const { return mode_ == Mode::read; }  ///< false in the checking pass

  /// The value under a key without reading it; null when the key is absent.
  YamlNodePtr node(const char* name);
  /// The mappings under a key (one, or a list of them) without reading them; empty when the key is absent.
  std::vector<YamlNodePtr> nodes(const char* name);
  /// Stores what a key read through nodes() resolved to.
  void set_resolved(const char* name, nlohmann::ordered_json value) { resolved_[name] = std::move(value); }

  bool given(const char* name) const { return node_->find(name) != nullptr; }
  /// The location of a key's value, or location() when it is not given.
  std::string location_of(const char* name) const;
  /// `value`, read from the key, as a path that starts at the folder of the config (or of the working directory when it
  /// came from the command line). Defaults, absolute paths and the empty path stay as they are.
  std::filesystem::path path_of(const char* name, const std::string& value) const;

  /// Throws Error(usage) for the first key that was never visited, here or (finish) in a sub-section.
  void finish() const;
  void finish_this_section() const;
  nlohmann::ordered_json resolved() const;

 private:
  const YamlNode* find(const char* name);
  template <class Value>
  void read(const Parameter& parameter, Value& value);
  void read(const Parameter& parameter, at::Tensor& value);

  YamlNodePtr node_;
  std::string section_;
  Mode mode_;
  ArraySource arrays_;
  std::vector<std::string> known_;
  nlohmann::ordered_json resolved_ = nlohmann::ordered_json::object();
  std::map<std::string, std::vector<std::shared_ptr<YamlOptions>>> children_;
};

/// A section that may be missing: its defaults are part of the resolved options all the same.
template <class Options>
void read_section(YamlOptions& options, const char* name, const char* doc, Options& values) {
  const auto sections = options.sections(name, doc);
  if (sections.size() > 1)
    throw usage_error(options.location_of(name), "expected one section, got {}", sections.size());
  if (!sections.empty()) return values.visit(*sections.front());
  YamlOptions defaults(std::make_shared<const YamlNode>(), name);
  values.visit(defaults);
  options.set_resolved(name, defaults.resolved());
}

/// Calls `visit` with a checking visitor, refuses unknown keys, then calls it with a reading one, refuses unknown keys
/// in the sub-sections too (a factory looks into them only when it builds), and returns the reading visitor.
YamlOptions checked_read(const YamlNodePtr& node, const std::string& section, const ArraySource& arrays,
                         const std::function<void(YamlOptions&)>& visit);

}  // namespace recon
