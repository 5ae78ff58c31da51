#include "priors/checkpoints/golden.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "priors/checkpoints/safetensors.h"
#include "recon/core/error.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

const fs::path kRecords = fs::path(RECON_SOURCE_DIR) / "tests/golden/unet2d";

// The acceptance figures of the project: what two float32 implementations of the same ~100 layers differ by, with the
// rounding of each layer (6e-8) growing by their number and by the order of summation in convolutions.
constexpr double kOutputTolerance = 1e-5;
constexpr double kVjpTolerance = 1e-4;

class UNet2DGolden : public testing::TestWithParam<std::string> {};

TEST_P(UNet2DGolden, EqualsDiffusers) {
  const GoldenReport report = check_golden(kRecords / GetParam(), kRecords / GetParam() / "golden.safetensors");
  EXPECT_EQ(report.items, 2);
  EXPECT_LT(report.output_error, kOutputTolerance);
  ASSERT_TRUE(report.vjp_error.has_value());
  EXPECT_LT(*report.vjp_error, kVjpTolerance);
  RecordProperty("output_error", fmt::format("{:.2e}", report.output_error));
  RecordProperty("vjp_error", fmt::format("{:.2e}", *report.vjp_error));
}

std::vector<std::string> recorded_cases() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kRecords)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Records, UNet2DGolden, testing::ValuesIn(recorded_cases()),
                         [](const auto& instance) { return instance.param; });

// The shapes of google/ddpm-cifar10-32 (36 million parameters) and google/ddpm-celebahq-256 (114 million), with random
// weights made on the spot by the real diffusers.
TEST(SlowUNet2DGolden, EqualsDiffusersAtTheSizeOfPublishedModels) {
  const char* const python = std::getenv("RECON_REFERENCE_PYTHON");
  if (python == nullptr) {
    GTEST_SKIP()
        << "needs a Python with diffusers: python3 -m venv V && V/bin/pip install diffusers torch safetensors, "
           "then set RECON_REFERENCE_PYTHON=V/bin/python";
  }
  const fs::path folder = fs::path(testing::TempDir()) / "recon_large_unet2d";
  const std::string command =
      fmt::format("'{}' '{}' --large '{}'", python, (kRecords / "make_unet2d.py").string(), folder.string());
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  for (const char* name : {"ddpm_cifar10_32", "ddpm_celebahq_256"}) {
    const GoldenReport report = check_golden(folder / name, folder / name / "golden.safetensors");
    fmt::print("{}: output error {:.2e}, vjp error {:.2e}\n", name, report.output_error, *report.vjp_error);
    EXPECT_LT(report.output_error, kOutputTolerance) << name;
    EXPECT_LT(*report.vjp_error, kVjpTolerance) << name;
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace recon
