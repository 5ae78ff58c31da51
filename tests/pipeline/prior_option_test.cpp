#include "recon/pipeline/items/prior_option.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "data/image_io.h"
#include "priors/empirical_prior.h"
#include "priors/gaussian_prior.h"
#include "priors/power_spectrum.h"
#include "recon/pipeline/inspect/prior_inspection.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon::test {
namespace {

namespace fs = std::filesystem;

/// A prior's folder with that card beside two pictures of 4 x 6 pixels, a grey ramp and its mirror image.
fs::path folder_with(const std::string& card) {
  const fs::path folder = scratch_folder();
  const at::Tensor ramp = at::linspace(0, 1, 24, at::kFloat).view({1, 4, 6});
  write_png((folder / "a.png").string(), ramp, {0, 1});
  write_png((folder / "b.png").string(), ramp.flip(2), {0, 1});
  write_text(folder / "prior.yaml", card);
  return folder;
}

std::string fault_of(const std::string& card) {
  const fs::path folder = folder_with(card);
  return complaint([&] { open_prior(folder.string() + "/"); });
}

TEST(PriorOption, ImagesBecomeAnEmpiricalPrior) {
  const fs::path folder = folder_with("images: [a.png, b.png]\nwidth: 0.02\nschedule: edm_rho\nname: ramps\n");
  const PriorPtr prior = open_prior(folder.string() + "/");
  const auto& empirical = dynamic_cast<const EmpiricalPrior&>(*prior);
  EXPECT_EQ(prior->name(), "ramps");
  EXPECT_EQ(prior->schedule().name(), "edm_rho");
  EXPECT_EQ(empirical.width(), 0.02);
  EXPECT_EQ(empirical.images().sizes(), (at::IntArrayRef{2, 1, 4, 6}));
  // Black and white of the picture are the ends of the range; 8 bits round by 1/255 of half of it.
  const at::Tensor expected = at::linspace(-1, 1, 24, at::kDouble).view({1, 4, 6});
  EXPECT_LT((empirical.images()[0] - expected).abs().max().item<double>(), 1.01 / 255);
  EXPECT_TRUE(at::equal(empirical.images()[1], empirical.images()[0].flip(2)));
  EXPECT_TRUE(inspect_prior(folder.string() + "/", /*check=*/true).passed);
}

TEST(PriorOption, ASizeCutsTiles) {
  const fs::path folder = folder_with("images: a.png\nsize: [2, 4]\nvalue_range: [0, 1]\n");
  const PriorPtr prior = open_prior(folder.string() + "/");
  const at::Tensor tiles = dynamic_cast<const EmpiricalPrior&>(*prior).images();
  const at::Tensor ramp = at::linspace(0, 1, 24, at::kDouble).view({1, 4, 6});
  ASSERT_EQ(tiles.sizes(), (at::IntArrayRef{2, 1, 2, 4}));
  EXPECT_LT((tiles[1] - ramp.narrow(1, 2, 2).narrow(2, 0, 4)).abs().max().item<double>(), 0.51 / 255);
}

TEST(PriorOption, AMeanAndASpectrumMakeAGaussian) {
  const std::string card = "mean: [0.25, -0.5]\nsize: [8, 16]\npower_spectrum:\n  - [0.1, 0.04]\n  - [0.4, 0.0025]\n";
  const fs::path folder = folder_with(card);
  const PriorPtr prior = open_prior(folder.string() + "/");
  const auto& gaussian = dynamic_cast<const GaussianPrior&>(*prior);
  EXPECT_EQ(prior->domain().fixed_size, (std::vector<std::int64_t>{8, 16}));
  ASSERT_EQ(gaussian.mean().sizes(), (at::IntArrayRef{2, 8, 16}));
  EXPECT_EQ(gaussian.mean()[1].min().item<double>(), -0.5);
  EXPECT_EQ(gaussian.mean()[0].max().item<double>(), 0.25);
  const at::Tensor power = gaussian.covariance().eigenvalues();
  EXPECT_NEAR(power[0][0][0].item<double>(), 0.04, 1e-12) << "constant below the first row";
  EXPECT_NEAR(power[1][4][8].item<double>(), 0.0025, 1e-12) << "and beyond the last";
  // 0.2 cycles per pixel lies half way in the logarithm.
  EXPECT_NEAR(on_frequencies({{0.1, 0.04}, {0.4, 0.0025}}, 5, 5)[0][1].item<double>(), 0.01, 1e-12);
  EXPECT_NEAR(power[0][0][4].item<double>(), 0.04 * std::pow(0.0025 / 0.04, std::log(2.5) / std::log(4.0)), 1e-12);
  EXPECT_TRUE(inspect_prior(folder.string() + "/", /*check=*/true).passed);
  expect_says(fault_of("mean: [0]\nsize: 8\n"), {"prior.yaml", "power_spectrum"});
  expect_says(fault_of("mean: [0]\npower_spectrum: [[0.1, 1]]\n"), {"prior.yaml", "size"});
  expect_says(fault_of("mean: [0]\nprediction: v\n"), {"prior.yaml:2", "prediction", "Gaussian", "power_spectrum"});
  expect_says(fault_of("mean: [0]\nimages: a.png\n"), {"prior.yaml", "another kind"});
}

TEST(PriorOption, TheHashKnowsTheImages) {
  const std::string folder = folder_with("images: a.png\n").string() + "/";
  const std::string before = hash_of_prior(folder);
  EXPECT_EQ(before, hash_of_prior(folder));
  const fs::path outside = fs::path(folder).parent_path().parent_path() / "outside.png";
  fs::copy_file(folder + "a.png", outside, fs::copy_options::overwrite_existing);
  write_text(folder + "prior.yaml", "images: " + outside.string() + "\n");
  const std::string there = hash_of_prior(folder);
  fs::copy_file(folder + "b.png", outside, fs::copy_options::overwrite_existing);
  EXPECT_NE(there, hash_of_prior(folder)) << "another picture outside of the folder";
}

TEST(PriorOption, SaysWhatIsWrong) {
  expect_says(fault_of("images: a.png\nsize: 5\n"), {"prior.yaml", "4 x 6", "size"});
  expect_says(fault_of("images: a.png\nprediction: v\n"), {"prior.yaml:2", "prediction", "network", "width"});
  expect_says(fault_of("width: 0.1\n"), {"prior.yaml:1", "width", "images"});
  expect_says(fault_of("images: a.png\nwidth: 0\n"), {"prior.yaml:2", "positive"});
  expect_says(fault_of("images: missing.png\n"), {"missing.png"});
  const fs::path folder = folder_with("images: [a.png, c.png]\n");
  write_png((folder / "c.png").string(), at::zeros({1, 4, 4}, at::kFloat), {0, 1});
  expect_says(complaint([&] { open_prior(folder.string() + "/"); }), {"prior.yaml", "image 1", "size"});
}

}  // namespace
}  // namespace recon::test
