#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>
#include "tests/support/paths.h"

// The sources of the checkout as the lint tests read them.
namespace recon::lint {

struct Source {
  std::string path;  ///< relative to the checkout
  std::vector<std::string> lines;
};

/// Every .h, .cpp and .cu file of the product and of the tests.
inline const std::vector<Source>& sources() {
  static const std::vector<Source> all = [] {
    namespace fs = std::filesystem;
    std::vector<Source> found;
    const fs::path root = test::source_path();
    for (const char* room : {"recon", "operators", "priors", "data", "tests"}) {
      for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
        const auto extension = entry.path().extension();
        if (extension != ".h" && extension != ".cpp" && extension != ".cu") continue;
        Source source{fs::relative(entry.path(), root).string(), {}};
        std::ifstream file(entry.path());
        for (std::string line; std::getline(file, line);) source.lines.push_back(line);
        found.push_back(std::move(source));
      }
    }
    return found;
  }();
  return all;
}

/// What a line includes of the project ("recon/core/error.h"); empty when it is no such line.
inline std::string included_by(const std::string& line) {
  constexpr std::size_t head = 10;  // of: #include "
  return line.starts_with("#include \"") ? line.substr(head, line.find('"', head) - head) : "";
}

}  // namespace recon::lint
