#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "recon/core/error.h"

// For tests of what goes wrong: a place to put damaged files, and what is said about them.
namespace recon::test {

/// An empty folder of this test's own.
inline std::filesystem::path scratch_folder() {
  const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("{}.{}", test->test_suite_name(), test->name());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

inline void write_text(const std::filesystem::path& path, const std::string& text) { std::ofstream(path) << text; }

/// What a function complains about, always an Error of that kind; empty when it does not.
template <class Function>
std::string complaint(Function function, ErrorKind kind = ErrorKind::data) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "";
}

inline void expect_says(const std::string& said, const std::vector<std::string>& words) {
  for (const auto& word : words) EXPECT_NE(said.find(word), std::string::npos) << word << " in: " << said;
}

}  // namespace recon::test
