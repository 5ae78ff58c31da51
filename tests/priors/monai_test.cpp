// MONAI's DiffusionModelUNet and its noise schedules against records of the package.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "priors/checkpoints/golden.h"
#include "priors/load_prior.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
const fs::path kRecords = fs::path(test::source_path("tests/golden/monai"));

class MonaiGolden : public testing::TestWithParam<const char*> {};

TEST_P(MonaiGolden, EqualsMonai) {
  const GoldenReport report = check_golden(kRecords / GetParam(), kRecords / GetParam() / "golden.safetensors");
  EXPECT_LT(report.output_error, 1e-5);
  ASSERT_TRUE(report.vjp_error.has_value());
  EXPECT_LT(*report.vjp_error, 1e-4);
  fmt::print("{}: output error {:.2e}, vjp error {:.2e}\n", GetParam(), report.output_error, *report.vjp_error);
}

INSTANTIATE_TEST_SUITE_P(Records, MonaiGolden, testing::Values("plain", "updown_classes", "generative"));

TEST(Monai, SchedulesAreThoseOfMonai) {
  const auto tables = nlohmann::json::parse(std::ifstream(kRecords / "schedules.json"));
  ASSERT_EQ(tables.size(), 4U);
  for (const auto& table : tables) {
    const std::string kind = table.at("schedule");
    const NoiseSchedule schedule = kind == "linear_beta" ? NoiseSchedule::vp_linear()
                                   : kind == "scaled_linear_beta"
                                       ? NoiseSchedule::vp_scaled_linear(1000, table["beta_start"], table["beta_end"])
                                   : kind == "sigmoid_beta" ? NoiseSchedule::vp_sigmoid_beta()
                                                            : NoiseSchedule::vp_cosine();
    // MONAI computes in float32: a product of 1000 factors, and 1 - 0.999 loses three digits.
    for (std::size_t i = 0; i < table.at("t").size(); ++i) {
      const double wanted = table["alpha_bar"][i];
      EXPECT_NEAR(schedule.at(table["t"][i]).alpha_bar(), wanted, 2000 * 0x1p-24 * wanted) << kind << " " << i;
    }
  }
}

TEST(Monai, SaysWhatDoesNotFit) {
  const auto load = [](const char* record, const std::string& was, const std::string& is) {
    const fs::path folder = test::scratch_folder();
    fs::copy(kRecords / record, folder, fs::copy_options::recursive);
    std::ifstream file(folder / "prior.yaml");
    std::string card{std::istreambuf_iterator<char>(file), {}};
    EXPECT_NE(card.find(was), std::string::npos) << was;
    test::write_text(folder / "prior.yaml", card.replace(card.find(was), was.size(), is));
    return test::complaint([&] { load_prior(folder.string()); });
  };
  test::expect_says(load("plain", "spatial_dims: 2", "spatial_dims: 3"), {"'spatial_dims'", "only 2"});
  test::expect_says(load("plain", "num_res_blocks: [1, 1, 1]", "num_res_blocks: [1, 1, 2]"),
                    {"'num_res_blocks'", "the same number"});
  test::expect_says(load("plain", "num_head_channels: [0, 4, 4]", "num_head_channels: [0, 2, 4]"),
                    {"'num_head_channels'", "the same number", "2 and 4"});
  test::expect_says(load("plain", "num_head_channels: [0, 4, 4]", "num_head_channels: [0, 4]"), {"1 or 3", "got 2"});
  test::expect_says(load("plain", "attention_levels: [false, true, false]", "attention_levels: [false, true]"),
                    {"attention_levels", "3 and 2"});
  test::expect_says(load("plain", "norm_num_groups: 2", "norm_num_groups: 3"), {"norm_num_groups", "3"});
  test::expect_says(load("plain", "in_channels: 1", "in_channels: 1\n  with_conditioning: true"),
                    {"with_conditioning", "unknown key"});
  // The names of the other layout, in both directions.
  test::expect_says(load("plain", "layout: monai", "layout: generative"), {"proj_attn", "attn.out_proj"});
  test::expect_says(load("generative", "layout: generative", "layout: monai"), {"postconv", "upsampler.conv.conv"});
}

}  // namespace
}  // namespace recon
