#pragma once

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {

inline std::string file_content(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// What one call of the real program gave.
struct Outputs {
  int exit_code = -1;
  std::string out, err;

  nlohmann::json json() const { return nlohmann::json::parse(out); }
  /// The error line without "recon: error: "; empty unless stderr's last line is one.
  std::string error() const {
    const std::string head = "recon: error: ";
    const std::size_t start = err.rfind(head);
    if (start == std::string::npos || err.find('\n', start) + 1 != err.size()) return "";
    return err.substr(start + head.size(), err.size() - start - head.size() - 1);
  }
};

inline testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << part << "' is not in '" << text << "'";
}

/// Runs the program in a folder of the test's own.
class ProgramTest : public testing::Test {
 protected:
  void SetUp() override { folder_ = test::scratch_folder(); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }

  Outputs recon(const std::string& arguments) const {
    return shell(fmt::format("'{}' {}", test::program(), arguments));
  }

  /// A shell command in the test's folder, with stdout and stderr apart.
  Outputs shell(const std::string& command) const {
    const std::string whole = fmt::format("cd '{}' && ( {} ) >stdout.txt 2>stderr.txt", folder_.string(), command);
    const int status = std::system(whole.c_str());
    return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            .out = file_content(path("stdout.txt")),
            .err = file_content(path("stderr.txt"))};
  }

  /// One line "recon: error: ..." with the words, the exit code, and nothing on stdout.
  void expect_error(const std::string& arguments, int exit_code, const std::vector<std::string>& words) const {
    const Outputs got = recon(arguments);
    EXPECT_EQ(got.exit_code, exit_code) << arguments << "\n" << got.err;
    EXPECT_EQ(got.out, "") << arguments;
    EXPECT_NE(got.error(), "") << arguments << "\n" << got.err;
    for (const auto& word : words) EXPECT_TRUE(contains(got.error(), word)) << arguments;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace recon
