#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "recon/core/parameters.h"

namespace recon {

/// A reading ParameterVisitor over JSON, so that rooms below recon/config can test their options. Arrays are nested
/// number lists. Throws Error(usage) for wrong types, values out of bounds and words that are not allowed.
class JsonOptions final : public ParameterVisitor {
 public:
  explicit JsonOptions(const std::string& text, std::string location = "test");
  JsonOptions(nlohmann::json json, std::string location);

  void field(const char* name, bool& value, const char* doc) override;
  void field(const char* name, std::int64_t& value, const char* doc, Limits limits) override;
  void field(const char* name, double& value, const char* doc, Limits limits) override;
  void field(const char* name, std::string& value, const char* doc) override;
  void field(const char* name, std::optional<double>& value, const char* doc, Limits limits) override;
  void field(const char* name, std::optional<std::string>& value, const char* doc) override;
  void field(const char* name, std::vector<double>& value, const char* doc) override;
  void field(const char* name, std::vector<std::string>& value, const char* doc) override;
  void choice(const char* name, std::string& value, const std::vector<std::string>& allowed, const char* doc) override;
  void array(const char* name, at::Tensor& value, const char* doc) override;
  std::vector<std::shared_ptr<ParameterVisitor>> sections(const char* name, const char* doc) override;

  std::string location() const override { return location_; }
  using ParameterVisitor::choice;

  /// Throws Error(usage) if a key, here or in a section, was never asked for.
  void finish() const;

 private:
  const nlohmann::json* find(const char* name);
  template <class T>
  void read(const char* name, T& value);

  nlohmann::json json_;
  std::string location_;
  std::set<std::string> known_;
  std::vector<std::shared_ptr<JsonOptions>> sections_;
};

}  // namespace recon
