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

  void visit(const Parameter& parameter) override;
  std::vector<std::shared_ptr<ParameterVisitor>> sections(const char* name, const char* doc) override;

  std::string location() const override { return location_; }

  /// Throws Error(usage) if a key, here or in a section, was never asked for.
  void finish() const;

 private:
  const nlohmann::json* find(const char* name);

  nlohmann::json json_;
  std::string location_;
  std::set<std::string> known_;
  std::vector<std::shared_ptr<JsonOptions>> sections_;
};

}  // namespace recon
