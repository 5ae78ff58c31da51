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
  void field(const char* name, bool& value, const char* doc) override;
  void field(const char* name, std::int64_t& value, const char* doc, Limits limits = {}) override;
  void field(const char* name, double& value, const char* doc, Limits limits = {}) override;
  void field(const char* name, std::string& value, const char* doc) override;
  void field(const char* name, std::optional<double>& value, const char* doc, Limits limits = {}) override;
  void field(const char* name, std::optional<std::string>& value, const char* doc) override;
  void field(const char* name, std::vector<double>& value, const char* doc) override;
  void field(const char* name, std::vector<std::string>& value, const char* doc) override;
  void choice(const char* name, std::string& value, const std::vector<std::string>& allowed, const char* doc) override;
  void array(const char* name, at::Tensor& value, const char* doc) override;
  std::vector<std::shared_ptr<ParameterVisitor>> sections(const char* name, const char* doc) override;
  std::string location() const override { return "list"; }
  using ParameterVisitor::choice;

  /// `[{"name", "type", "default", "doc"}, ...]` with "limits" and "choices" where there are any. The default of an
  /// array is null; a section has no default, but "keys" where its own options were visited.
  nlohmann::ordered_json options() const;

 private:
  void add(const char* name, const char* type, nlohmann::ordered_json value, const char* doc,
           const Limits& limits = {});

  nlohmann::ordered_json options_ = nlohmann::ordered_json::array();
  std::map<std::size_t, std::shared_ptr<OptionLister>> children_;  ///< by the section's position
};

/// One indented line per option: name, default, documentation with limits and choices; then the keys of a section.
std::string options_as_text(const nlohmann::ordered_json& options, int indent);

/// A JSON value as YAML text in block style, short lists on one line; parse_yaml reads it back.
std::string to_yaml(const nlohmann::ordered_json& value);

}  // namespace recon
