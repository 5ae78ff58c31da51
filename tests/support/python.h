#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>

// The Python of tests that compare with other programs: $RECON_PYTHON, or python3.
namespace recon::test {

inline std::string python() {
  const char* const chosen = std::getenv("RECON_PYTHON");
  return chosen == nullptr ? "python3" : chosen;
}

/// Whether it has these modules, separated by spaces.
inline bool python_has(const std::string& modules) {
  std::string list = modules;
  std::replace(list.begin(), list.end(), ' ', ',');
  return std::system((python() + " -c 'import " + list + "' >/dev/null 2>&1").c_str()) == 0;
}

}  // namespace recon::test
