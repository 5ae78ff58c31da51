#include "recon/metrics/metrics.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "recon/core/error.h"
#include "tests/support/paths.h"
#include "tests/support/random.h"

namespace recon {
namespace {

/// The images of tests/golden/metrics/make_golden.py, [1, C, H, W].
std::pair<at::Tensor, at::Tensor> golden_pair(std::int64_t channels, std::int64_t height, std::int64_t width) {
  const at::Tensor c = at::arange(channels, at::kDouble).view({-1, 1, 1});
  const at::Tensor i = at::arange(height, at::kDouble).view({1, -1, 1}), j = at::arange(width, at::kDouble);
  const at::Tensor truth = 0.5 + 0.3 * at::sin(0.31 * i + 0.17 * j + c) + 0.15 * at::cos(0.011 * i * j);
  return {(truth + 0.1 * at::sin(1.7 * i - 2.3 * j + 2 * c) * truth).unsqueeze(0), truth.unsqueeze(0)};
}

TEST(Metrics, EqualScikitImage) {
  std::ifstream stream(test::source_path("tests/golden/metrics/metrics.json"));
  const auto golden = nlohmann::json::parse(stream);
  ASSERT_EQ(golden["cases"].size(), 3U);
  for (const auto& entry : golden["cases"]) {
    const auto shape = entry["shape"].get<std::vector<std::int64_t>>();
    const double range = entry["data_range"];
    const auto [x, truth] = golden_pair(shape[0], shape[1], shape[2]);
    // Both compute in double precision; 1e-10 leaves room for the order of summation over < 1e4 pixels.
    EXPECT_NEAR(psnr(x, truth, range)[0], entry["psnr"].get<double>(), 1e-9);
    EXPECT_NEAR(ssim(x, truth, range)[0], entry["ssim"].get<double>(), 1e-10);
    EXPECT_NEAR(nrmse(x, truth)[0], entry["nrmse"].get<double>(), 1e-12);
    // The golden values tell this definition from its neighbours: another range, roles of x and truth in nrmse.
    EXPECT_GT(std::abs(ssim(x, truth, 1.5 * range)[0] - entry["ssim"].get<double>()), 1e-3);
    EXPECT_GT(std::abs(nrmse(truth, x)[0] - entry["nrmse"].get<double>()), 1e-5);
    // Single precision in gives nearly the same: the computation itself is in double. The input's rounding is 6e-8
    // relative; the smallest denominator of SSIM's map is of order C2 = 9e-4.
    EXPECT_NEAR(ssim(x.to(at::kFloat), truth.to(at::kFloat), range)[0], entry["ssim"].get<double>(), 1e-5);
  }
}

TEST(Metrics, EqualImagesArePerfect) {
  const auto [x, truth] = golden_pair(3, 16, 16);
  EXPECT_EQ(psnr(x, x, 1)[0], INFINITY);
  EXPECT_NEAR(ssim(x, x, 1)[0], 1.0, 1e-12);
  EXPECT_EQ(nrmse(x, x)[0], 0.0);
  const at::Tensor zero = at::zeros_like(x);
  EXPECT_EQ(nrmse(zero, zero)[0], 0.0);
  EXPECT_EQ(nrmse(x, zero)[0], INFINITY);
  EXPECT_EQ(nrmse(zero, x)[0], 1.0);
}

TEST(Metrics, AreComputedPerItem) {
  const auto [x, truth] = golden_pair(1, 16, 20);
  const at::Tensor batch = at::cat({x, truth, 2 * x}), truths = truth.expand({3, -1, -1, -1});
  for (std::int64_t i = 0; i < 3; ++i) {
    const at::Tensor one = batch.slice(0, i, i + 1);
    const auto index = static_cast<std::size_t>(i);
    EXPECT_EQ(psnr(batch, truths, 1)[index], psnr(one, truth, 1)[0]);
    EXPECT_NEAR(ssim(batch, truths, 1)[index], ssim(one, truth, 1)[0], 1e-14);
    EXPECT_EQ(nrmse(batch, truths)[index], nrmse(one, truth)[0]);
  }
}

TEST(Metrics, OfComplexImages) {
  const auto [x, truth] = golden_pair(1, 16, 16);
  const c10::complex<double> turn(0.6, 0.8);
  const at::Tensor zx = x * at::scalar_tensor(turn, at::kComplexDouble), zt = truth.to(at::kComplexDouble);
  // A global phase changes no magnitude, so psnr and ssim do not see it; nrmse does: |e^{i a} x - t|.
  EXPECT_NEAR(psnr(zx, zt, 1)[0], psnr(x, truth, 1)[0], 1e-9);
  EXPECT_NEAR(ssim(zx, zt, 1)[0], ssim(x, truth, 1)[0], 1e-12);
  EXPECT_NEAR(nrmse(zt * at::scalar_tensor(turn, at::kComplexDouble), zt)[0], std::abs(turn - 1.0), 1e-14);
}

TEST(Metrics, ImagesBelowTheWindowHaveNoSsim) {
  const at::Tensor small = test::uniform({2, 1, 10, 30});
  for (const double value : ssim(small, small, 1)) EXPECT_TRUE(std::isnan(value));
}

TEST(Metrics, RefuseWhatCannotBeCompared) {
  const at::Tensor x = test::uniform({1, 1, 16, 16});
  for (const at::Tensor& other : {test::uniform({1, 1, 16, 17}), x.to(at::kComplexFloat), at::Tensor(), x[0]}) {
    EXPECT_THROW(psnr(x, other, 1), Error);
    EXPECT_THROW(ssim(x, other, 1), Error);
    EXPECT_THROW(nrmse(x, other), Error);
  }
  for (const double range : {0.0, -1.0, double(NAN)}) {
    EXPECT_THROW(psnr(x, x, range), Error);
    EXPECT_THROW(ssim(x, x, range), Error);
  }
}

TEST(Metrics, Chi2OfNoiseOfItsOwnVarianceIsOne) {
  const at::Tensor residual = at::tensor({3.0, -4.0, 1.0, 0.0}).view({2, 2});
  const auto chi2 = reduced_chi2(residual, at::full({2, 1}, 0.5), 2);
  EXPECT_DOUBLE_EQ(chi2[0], 25.0);
  EXPECT_DOUBLE_EQ(chi2[1], 1.0);
  // Complex residuals count two components: |3 + 4i|² / variance / 2.
  const at::Tensor complex = at::complex(at::full({1, 1}, 3.0, at::kDouble), at::full({1, 1}, 4.0, at::kDouble));
  EXPECT_DOUBLE_EQ(reduced_chi2(complex, at::full({1, 1}, 0.5), 2)[0], 25.0);
  EXPECT_TRUE(std::isnan(reduced_chi2(residual, at::zeros({2, 1}), 2)[0]));
  const at::Tensor per_entry = at::tensor({9.0, 16.0, 1.0, 1.0}).view({2, 2});
  EXPECT_DOUBLE_EQ(reduced_chi2(residual, per_entry, 2)[0], 1.0);
  EXPECT_THROW(reduced_chi2(residual, complex, 2), Error);
}

}  // namespace
}  // namespace recon
