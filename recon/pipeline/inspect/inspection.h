#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace recon {

/// What was found; `passed` is false when a check did not.
struct Inspection {
  nlohmann::ordered_json found;
  bool passed = true;
  std::vector<std::string> details = {};  ///< keys that a screen has no room for

  /// Adds {"check", "value", "limit", "passed"} to found["checks"].
  void check(const std::string& name, double value, double limit, bool ok);
};

}  // namespace recon
