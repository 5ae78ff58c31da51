#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace recon {

/// What was found; `passed` is false when a check did not.
struct Inspection {
  nlohmann::ordered_json found;
  bool passed = true;

  /// Adds {"check", "value", "limit", "passed"} to found["checks"].
  void check(const std::string& name, double value, double limit, bool ok);
};

}  // namespace recon
