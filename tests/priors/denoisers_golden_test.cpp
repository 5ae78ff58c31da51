// The denoisers of plug-and-play against records of their definitions, loaded from the names of DPIR, KAIR and deepinv.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "priors/checkpoints/golden.h"
#include "priors/checkpoints/prior_card.h"
#include "priors/load_prior.h"
#include "recon/core/rng.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
const fs::path kRecords = fs::path(test::source_path("tests/golden/denoisers"));

class DenoiserGolden : public testing::TestWithParam<const char*> {};

TEST_P(DenoiserGolden, EqualsTheDefinition) {
  const GoldenReport report = check_golden(kRecords / GetParam(), kRecords / GetParam() / "golden.safetensors");
  EXPECT_LT(report.output_error, 1e-5);
  ASSERT_TRUE(report.vjp_error.has_value());
  EXPECT_LT(*report.vjp_error, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Records, DenoiserGolden, testing::Values("drunet", "ffdnet", "dncnn_kair", "dncnn_deepinv"));

TEST(Denoisers, ArePriorsWithinTheirNoiseRange) {
  for (const char* record : {"drunet", "ffdnet", "dncnn_kair"}) {
    const PriorPtr prior = load_prior((kRecords / record).string());
    EXPECT_NEAR(prior->max_relative_sigma(), 0.196, 1e-9) << record;
    // The network sees the image as it is, at the level that it is told: x_0 at (1, sigma), and scaled back elsewhere.
    const at::Tensor x =
        Rng(2, "x").uniform({{0, 0}}, 0, {{prior->domain().channels, 16, 16}, ScalarKind::real}).to(at::kFloat);
    EXPECT_TRUE(at::allclose(prior->denoise(x, {1, 0.1}), prior->denoise(0.5 * x, {0.5, 0.05}), 1e-5, 1e-6)) << record;
    EXPECT_EQ(prior->linearize(x, {1, 0.1}).pullback(x).sizes(), x.sizes());
  }
}

TEST(Denoisers, CannotStartFromNoise) {
  load_prior("natural_gray")->require_start_from_noise();
  try {
    load_prior((kRecords / "drunet").string())->require_start_from_noise();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    test::expect_says(error.what(), {"prior drunet", "noise up to 0.196", "[0, 1]", "plug_and_play"});
  }
}

/// How many parameters the network of a card has.
std::int64_t parameters_of(const std::string& card) {
  class Zeros final : public ParameterSource {
   public:
    at::Tensor get(const std::string&, const Shape& shape) override { return at::zeros({1}).expand(shape); }
  } zeros;
  const fs::path path = test::scratch_folder() / "prior.yaml";
  test::write_text(path, card);
  return read_prior_card(path).network.config->build(zeros)->parameter_count();
}

// The counts of the definitions at the sizes of the published networks (make_denoisers.py).
TEST(Denoisers, HaveTheSizesOfThePublishedNetworks) {
  EXPECT_EQ(parameters_of("preset: drunet_gray"), 32'638'656);
  EXPECT_EQ(parameters_of("preset: drunet_color"), 32'640'960);
  EXPECT_EQ(parameters_of("preset: ffdnet_gray"), 485'316);
  EXPECT_EQ(parameters_of("preset: ffdnet_color"), 852'108);
  EXPECT_EQ(parameters_of("architecture: dncnn"), 555'137);
  EXPECT_EQ(parameters_of("architecture: {type: dncnn, nb: 20, layout: deepinv}"), 665'921);
}

TEST(Denoisers, SayWhatDoesNotFit) {
  const auto load = [](const char* record, const std::string& architecture) {
    const fs::path folder = test::scratch_folder();
    fs::copy(kRecords / record, folder, fs::copy_options::recursive);
    test::write_text(folder / "prior.yaml", "architecture: " + architecture +
                                                "\nweights: model.pt\nprediction: x0\ntime_input: relative_sigma\n"
                                                "schedule: ve_geometric\nvalue_range: [0, 1]\n");
    return test::complaint([&] { load_prior(folder.string()); });
  };
  test::expect_says(load("drunet", "{type: drunet, in_channels: 1, nc: [4, 6, 8], nb: 2}"), {"'nc'", "4 numbers", "3"});
  test::expect_says(load("drunet", "{type: drunet, in_channels: 3, nc: [4, 6, 8, 10], nb: 2}"), {"m_head.weight"});
  test::expect_says(load("dncnn_kair", "{type: dncnn, nc: 6, nb: 5, layout: deepinv}"), {"in_conv.weight", "model.0"});
  test::expect_says(load("ffdnet", "{type: ffdnet, in_channels: 3, nc: 8, nb: 5}"), {"model.8.weight"});
}

}  // namespace
}  // namespace recon
