#include "priors/checkpoints/golden.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>

#include "priors/checkpoints/safetensors.h"
#include "recon/core/error.h"
#include "tests/priors/large_models.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

const fs::path kRecords = fs::path(test::source_path("tests/golden/unet2d"));

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

// Options that the shapes of the weights do not show.
TEST(UNet2D, SeesAWrongOption) {
  for (const auto& [record, right, wrong] : std::vector<std::array<const char*, 3>>{
           {"skip_ncsnpp", "\"norm_num_groups\": null", "\"norm_num_groups\": 4"},
           {"skip_ncsnpp", "\"mid_block_scale_factor\": 1.4142135623730951", "\"mid_block_scale_factor\": 1"},
           {"skip_attention_finest", "\"center_input_sample\": true", "\"center_input_sample\": false"},
           {"skip_attention_finest", "\"attention_head_dim\": 8", "\"attention_head_dim\": null"}}) {
    const fs::path folder = test::scratch_folder(), config = folder / "unet/config.json";
    fs::copy(kRecords / record, folder, fs::copy_options::recursive);
    std::ifstream file(config);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto at = text.find(right);
    ASSERT_NE(at, std::string::npos) << right;
    test::write_text(config, text.replace(at, std::strlen(right), wrong));
    EXPECT_GT(check_golden(folder, folder / "golden.safetensors").output_error, 1e-4) << wrong;
  }
}

INSTANTIATE_TEST_SUITE_P(Records, UNet2DGolden, testing::ValuesIn(recorded_cases()),
                         [](const auto& instance) { return instance.param; });

// The shapes of google/ddpm-cifar10-32 (36 million parameters) and google/ddpm-celebahq-256 (114 million), with random
// weights made on the spot by the real diffusers.
TEST(SlowUNet2DGolden, EqualsDiffusersAtTheSizeOfPublishedModels) {
  test::expect_large_models_equal(kRecords / "make_unet2d.py", {"ddpm_cifar10_32", "ddpm_celebahq_256"},
                                  "diffusers torch safetensors", kOutputTolerance, kVjpTolerance);
}

}  // namespace
}  // namespace recon
