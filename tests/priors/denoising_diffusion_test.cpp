// The U-Net and the schedule of denoising-diffusion-pytorch against records of the package.
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
const fs::path kRecords = fs::path(test::source_path("tests/golden/denoising_diffusion"));

class DenoisingDiffusionGolden : public testing::TestWithParam<const char*> {};

TEST_P(DenoisingDiffusionGolden, EqualsThePackage) {
  const GoldenReport report = check_golden(kRecords / GetParam(), kRecords / GetParam() / "golden.safetensors");
  EXPECT_LT(report.output_error, 1e-5);
  ASSERT_TRUE(report.vjp_error.has_value());
  EXPECT_LT(*report.vjp_error, 1e-4);
  fmt::print("{}: output error {:.2e}, vjp error {:.2e}\n", GetParam(), report.output_error, *report.vjp_error);
}

INSTANTIATE_TEST_SUITE_P(Records, DenoisingDiffusionGolden, testing::Values("trainer", "options"));

TEST(DenoisingDiffusion, SigmoidScheduleIsThatOfThePackage) {
  const auto tables = nlohmann::json::parse(std::ifstream(kRecords / "sigmoid.json"));
  ASSERT_EQ(tables.size(), 3U);
  for (const auto& table : tables) {
    const NoiseSchedule schedule = NoiseSchedule::vp_sigmoid(table.at("timesteps"), table.value("start", -3.0),
                                                             table.value("end", 3.0), table.value("tau", 1.0));
    for (std::size_t i = 0; i < table.at("t").size(); ++i) {
      const double got = schedule.at(table["t"][i]).alpha_bar(), wanted = table["alpha_bar"][i];
      // The package takes both ends of the sigmoid in float32; alpha_bar is a difference from one of them.
      EXPECT_NEAR(got, wanted, 3 * 0x1p-24 + 1e-12 * wanted) << table.dump() << " t " << table["t"][i];
    }
  }
}

TEST(DenoisingDiffusion, LoadsAsAPrior) {
  const PriorPtr prior = load_prior((kRecords / "trainer").string());
  EXPECT_EQ(prior->domain().channels, 3);
  EXPECT_EQ(prior->domain().multiple, 4);
  EXPECT_EQ(prior->schedule().name(), "vp_sigmoid");
  EXPECT_TRUE(load_prior((kRecords / "options").string())->learns_variance());
}

TEST(DenoisingDiffusion, SaysWhatDoesNotFit) {
  const auto load = [](const std::string& was, const std::string& is) {
    const fs::path folder = test::scratch_folder();
    fs::copy(kRecords / "trainer", folder, fs::copy_options::recursive);
    std::ifstream file(folder / "prior.yaml");
    std::string card{std::istreambuf_iterator<char>(file), {}};
    EXPECT_NE(card.find(was), std::string::npos) << was;
    test::write_text(folder / "prior.yaml", card.replace(card.find(was), was.size(), is));
    return test::complaint([&] { load_prior(folder.string()); });
  };
  test::expect_says(load("dim: 4", "dim: 5"), {"'dim'", "even", "5"});
  test::expect_says(load("attn_heads: [2]", "attn_heads: [2, 2]"), {"'attn_heads'", "1 or 3", "got 2"});
  test::expect_says(load("attn_heads: [2]", "attn_heads: 2"), {"'attn_heads'", "list"});
  test::expect_says(load("channels: 3", "channels: 3\n  full_attn: [maybe]"), {"'full_attn'", "true, false", "maybe"});
  test::expect_says(load("dim_mults: [1, 2, 4]", "dim_mults: [1, 2]"), {"not part of the network", "downs.2"});
  test::expect_says(load("weights_key: ema", "weights_key: model"), {"weights_prefix", "ema_model.model."});
  test::expect_says(load("attn_heads: [2]", "attn_heads: [3]"), {"mem_kv", "[2, 2, 4, 4]", "[2, 3, 4, 4]"});
}

// The features of the time are not in the shapes of the weights.
TEST(DenoisingDiffusion, SeesAWrongLongestPeriod) {
  const fs::path folder = test::scratch_folder();
  fs::copy(kRecords / "options", folder, fs::copy_options::recursive);
  std::ifstream file(folder / "prior.yaml");
  std::string card{std::istreambuf_iterator<char>(file), {}};
  const std::string right = "sinusoidal_pos_emb_theta: 500";
  ASSERT_NE(card.find(right), std::string::npos);
  test::write_text(folder / "prior.yaml", card.erase(card.find(right), right.size()));
  EXPECT_GT(check_golden(folder, folder / "golden.safetensors").output_error, 1e-4);
}

}  // namespace
}  // namespace recon
