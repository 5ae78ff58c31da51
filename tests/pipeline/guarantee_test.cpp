// What samples say of the quality of an image.
#include "recon/pipeline/solve/guarantee.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "recon/core/rng.h"

namespace recon {
namespace {

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

}  // namespace
}  // namespace recon
