#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "recon/core/parameters.h"

namespace recon {

/// The visitor that collects what options there are: name, type, default, limits, allowed words, documentation.
class OptionLister final : public ParameterVisitor {
 public:
  void visit(const Parameter& parameter) override;
  std::vector<std::shared_ptr<ParameterVisitor>> sections(const char* name, const char* doc) override;
  std::string location() const override { return "list"; }

  /// `[{"name", "type", "default", "doc"}, ...]` with "limits" and "choices" where there are any. The default of an
  /// array is null; a section has no default, but "keys" where its own options were visited.
  nlohmann::ordered_json options() const;

 private:
  nlohmann::ordered_json options_ = nlohmann::ordered_json::array();
  std::map<std::size_t, std::shared_ptr<OptionLister>> children_;  ///< by the section's position
};

/// One indented line per option: name, default, documentation with limits and choices; then the keys of a section.
std::string options_as_text(const nlohmann::ordered_json& options, int indent);

/// A JSON value as YAML text in block style, short lists on one line; parse_yaml reads it back.
std::string to_yaml(const nlohmann::ordered_json& value);

}  // namespace recon
