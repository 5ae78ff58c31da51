// The U-Nets of EDM against records of their definition.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "priors/checkpoints/golden.h"
#include "priors/load_prior.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
const fs::path kRecords = fs::path(test::source_path("tests/golden/song"));

class SongGolden : public testing::TestWithParam<const char*> {};

// Tolerances as for the U-Net of diffusers, tests/priors/golden_test.cpp.
TEST_P(SongGolden, EqualsTheDefinition) {
  const GoldenReport report = check_golden(kRecords / GetParam(), kRecords / GetParam() / "golden.safetensors");
  EXPECT_LT(report.output_error, 1e-5);
  ASSERT_TRUE(report.vjp_error.has_value());
  EXPECT_LT(*report.vjp_error, 1e-4);
  fmt::print("{}: output error {:.2e}, vjp error {:.2e}\n", GetParam(), report.output_error, *report.vjp_error);
}

INSTANTIATE_TEST_SUITE_P(Records, SongGolden,
                         testing::Values("ddpmpp", "ncsnpp", "dhariwal", "class_labels", "no_class",
                                         "dhariwal_class_labels"));

// Karras et al. 2022, eq. 7, with the numbers of table 1 written out: D = c_skip x + c_out F(c_in x; c_noise).
TEST(Song, IsPreconditionedAsEdm) {
  const PriorPtr prior = load_prior((kRecords / "ddpmpp").string());
  const auto* const network_prior = dynamic_cast<const NetworkPrior*>(prior.get());
  ASSERT_NE(network_prior, nullptr);
  const double sigma = 1.7, sd = 0.5, total = sigma * sigma + sd * sd;
  const at::Tensor x = at::linspace(-3, 3, 3 * 256, at::kFloat).reshape({1, 3, 16, 16});
  const at::Tensor raw = network_prior->network().forward(x / std::sqrt(total), at::full({1}, std::log(sigma) / 4));
  const at::Tensor expected = sd * sd / total * x + sigma * sd / std::sqrt(total) * raw;
  const at::Tensor denoised = prior->denoise(x, {.alpha = 1, .sigma = sigma});
  EXPECT_LT((denoised - expected).abs().max().item<double>(), 1e-5 * expected.abs().max().item<double>());
}

TEST(Song, TheAdmOfEdmHasOptionsOfItsOwn) {
  const fs::path folder = test::scratch_folder();
  const auto read = [&](const std::string& options) {
    test::write_text(folder / "prior.yaml", "architecture: {type: dhariwalunet, " + options + "}\nprediction: edm\n");
    return test::complaint([&] { load_prior(folder.string()); });
  };
  test::expect_says(read("encoder_type: residual"), {"'encoder_type'", "unknown key", "channels_per_head"});
  test::expect_says(read("channels_per_head: 100"), {"channels_per_head", "100", "192 channels of level 0"});
  // Heads are an option that the shapes of the weights do not show.
  fs::copy(kRecords / "dhariwal", folder, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  std::ifstream file(folder / "prior.yaml");
  std::string card{std::istreambuf_iterator<char>(file), {}};
  const std::string heads = "channels_per_head: 8";
  ASSERT_NE(card.find(heads), std::string::npos);
  test::write_text(folder / "prior.yaml", card.replace(card.find(heads), heads.size(), "channels_per_head: 4"));
  EXPECT_GT(check_golden(folder, folder / "golden.safetensors").output_error, 1e-4);
}

TEST(Song, RefusesOptionsThatDoNotFit) {
  const fs::path folder = test::scratch_folder();
  const auto read = [&](const std::string& options) {
    test::write_text(folder / "prior.yaml", "architecture: {type: songunet, " + options + "}\nprediction: edm\n");
    return test::complaint([&] { load_prior(folder.string()); });
  };
  test::expect_says(read("channel_mult: [1, 0.5]"), {"channel_mult", "whole"});
  test::expect_says(read("img_resolution: 20"), {"img_resolution", "multiple of 8"});
  test::expect_says(read("resample_filter: [1, 2, 1]"), {"resample_filter", "even"});
  test::expect_says(read("model_channels: 150"), {"model_channels", "groups"});
  test::expect_says(read("encoder_type: skip"), {"standard, residual", "'skip'"});
}

}  // namespace
}  // namespace recon
