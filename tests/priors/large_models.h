#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "priors/checkpoints/golden.h"

namespace recon::test {

/// Networks of published sizes with random weights that `script --large FOLDER` makes on the spot, one folder each with
/// its golden.safetensors: held to the tolerances. Skips without RECON_REFERENCE_PYTHON, a Python with `packages`.
inline void expect_large_models_equal(const std::filesystem::path& script, const std::vector<std::string>& names,
                                      const std::string& packages, double output_tolerance, double vjp_tolerance) {
  const char* const python = std::getenv("RECON_REFERENCE_PYTHON");
  if (python == nullptr) {
    GTEST_SKIP() << "needs a Python of its own: python3 -m venv V && V/bin/pip install " << packages
                 << ", then set RECON_REFERENCE_PYTHON=V/bin/python";
  }
  const auto folder = std::filesystem::temp_directory_path() / script.stem();
  const std::string command = fmt::format("'{}' '{}' --large '{}'", python, script.string(), folder.string());
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  for (const auto& name : names) {
    const GoldenReport report = check_golden(folder / name, folder / name / "golden.safetensors");
    fmt::print("{}: output error {:.2e}, vjp error {:.2e}\n", name, report.output_error, *report.vjp_error);
    EXPECT_LT(report.output_error, output_tolerance) << name;
    EXPECT_LT(*report.vjp_error, vjp_tolerance) << name;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace recon::test
