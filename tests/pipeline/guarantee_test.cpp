// What samples say of the quality of an image, and the calibrations that are shipped.
#include "recon/pipeline/solve/guarantee.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "data/calibration_file.h"
#include "recon/core/rng.h"
#include "recon/metrics/risk_control.h"
#include "recon/pipeline/items/prior_option.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

at::Tensor three_samples() {
  return Rng(1, "samples").uniform({{0, 0}, {1, 0}, {2, 0}}, 0, {{1, 16, 16}, ScalarKind::real});
}

TEST(PredictedQuality, IsThatOfTheOtherSamplesWhereTheImageIsOne) {
  const at::Tensor samples = three_samples();
  const auto with_itself = predicted_quality(samples[1], samples, 1, 0.1);
  const auto of_others = predicted_quality(samples[1], at::stack({samples[0], samples[2]}), 1, 0.1);
  EXPECT_EQ(with_itself, of_others);
  EXPECT_TRUE(std::isfinite(with_itself.at("psnr")));
  EXPECT_GT(with_itself.at("nrmse"), 0);
}

TEST(PredictedQuality, IsOnTheBadSide) {
  const at::Tensor samples = three_samples(), mean = samples.mean(0);
  std::vector<double> psnr;
  for (std::int64_t s = 0; s < 3; ++s) psnr.push_back(image_quality(mean, samples[s], 1).at("psnr"));
  const auto predicted = predicted_quality(mean, samples, 1, 0.1);
  std::sort(psnr.begin(), psnr.end());
  EXPECT_LE(predicted.at("psnr"), psnr[1]) << "of more is better, the tenth from below";
  EXPECT_GE(predicted.at("psnr"), psnr[0] - 1e-12);
}

// A calibration holds for one prior: whoever ships other weights or another card makes it again.
TEST(ShippedCalibrations, AreOfTheShippedPriors) {
  const fs::path folder = test::source_path("priors/weights/calibrations");
  std::int64_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".h5") continue;
    const std::string prior = entry.path().parent_path().filename();
    const std::string name = prior + "/" + entry.path().stem().string();
    const CalibrationSet set = read_calibration_file(find_calibration(name, name));
    EXPECT_EQ(set.made_for.at("prior"), hash_of_prior(test::source_path("priors/weights/" + prior))) << name;
    EXPECT_EQ(set.made_for.at("precision"), "float32") << name;
    EXPECT_EQ(set.made_for.at("solver.start"), "\"auto\"") << name << ": dps at its defaults";
    EXPECT_TRUE(std::isfinite(set.interval_factor)) << name;
    // Scaled, 90 % intervals cover 88 to 92 % of the pixels of images like those of the calibration.
    const auto held_out = held_out_coverage(set.misses, set.miss);
    ASSERT_TRUE(held_out) << name;
    EXPECT_NEAR(held_out->mean, 0.9, 0.02) << name;
    ++files;
  }
  EXPECT_EQ(files, 12);
}

TEST(ShippedCalibrations, AFileComesFirstAndAnUnknownNameIsRefusedWithTheKnown) {
  const fs::path file = test::scratch_folder() / "natural_gray" / "box";
  fs::create_directory(file.parent_path());
  test::write_text(file, "");
  EXPECT_EQ(find_calibration(file, "natural_gray/box"), file.string());
  EXPECT_EQ(find_calibration("nowhere/c.h5", "c.h5"), "nowhere/c.h5");
  EXPECT_EQ(find_calibration("", ""), "");
  const std::string fault = test::complaint(
      [] { find_calibration("natural_gray/boxes", "natural_gray/boxes"); }, ErrorKind::usage);
  EXPECT_NE(fault.find("known names are"), std::string::npos) << fault;
  EXPECT_NE(fault.find("natural_gray/box,"), std::string::npos) << fault;
}

}  // namespace
}  // namespace recon
