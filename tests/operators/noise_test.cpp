// Noise: moments against the laws they claim, repeatability, and the Poisson sampler against exact probabilities.
#include "operators/noise.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/poisson_sampler.h"
#include "recon/core/error.h"

namespace recon {
namespace {

const Rng rng(42, "noise_test");

double mean_of(const at::Tensor& x) { return x.mean().item<double>(); }

TEST(Noise, GaussianHasItsStdOnEveryRealComponent) {
  const std::int64_t n = 200000;
  const Noise noise{.type = NoiseType::gaussian, .std = {0.3}};
  // Variance of n normal draws: relative standard error sqrt(2 / n).
  const double bound = 4 * std::sqrt(2.0 / static_cast<double>(n));
  const at::Tensor real = with_noise(noise, at::ones({1, n}, at::kDouble), rng, {{1, 0}}) - 1;
  EXPECT_NEAR(mean_of(real.square()) / 0.09, 1, bound);
  EXPECT_NEAR(mean_of(real), 0, 4 * 0.3 / std::sqrt(static_cast<double>(n)));
  const at::Tensor complex = with_noise(noise, at::zeros({1, n}, at::kComplexDouble), rng, {{1, 0}});
  EXPECT_NEAR(mean_of(at::real(complex).square()) / 0.09, 1, bound);  // not half of it: the factor-two trap
  EXPECT_NEAR(mean_of(at::imag(complex).square()) / 0.09, 1, bound);
}

TEST(Noise, StdMayDifferPerItemAndItemsDoNotDependOnTheirBatch) {
  const Noise noise{.type = NoiseType::gaussian, .std = {0.1, 2.0}};
  const at::Tensor clean = at::ones({2, 1, 30, 30});
  const at::Tensor both = with_noise(noise, clean, rng, {{7, 0}, {8, 0}});
  const Noise second{.type = NoiseType::gaussian, .std = {2.0}};
  EXPECT_TRUE(at::equal(with_noise(second, clean.narrow(0, 0, 1), rng, {{8, 0}})[0], both[1]));
  EXPECT_EQ(noise.std_of(1), 2.0);
  EXPECT_TRUE(at::allclose(noise_variance(noise, both).flatten(), at::tensor({0.01F, 4.0F})));
}

TEST(Noise, NoneIsAddedWhereNothingIsMeasured) {
  const at::Tensor support = at::tensor({1., 0., 1., 0.}, at::kDouble).view({1, 2, 2});
  const Noise noise{.type = NoiseType::gaussian, .std = {1.0}};
  const at::Tensor noisy = with_noise(noise, at::zeros({2, 3, 2, 2}), rng, {{1, 0}, {2, 0}}, support);
  EXPECT_TRUE(at::equal(noisy != 0, (support != 0).expand({2, 3, 2, 2})));
}

TEST(Noise, PoissonHasMeanAndVarianceOfItsIntensity) {
  const std::int64_t n = 100000;
  // Below and above the switch of samplers at mean 10, and where counts are rare or many.
  for (const double photons : {0.02, 0.5, 3.0, 9.9, 10.1, 40.0, 1e3, 1e6}) {
    const Noise noise{.type = NoiseType::poisson, .peak = photons};
    const at::Tensor counts = with_noise(noise, at::ones({1, n}, at::kDouble), rng, {{3, 0}}) * photons;
    const double root_n = std::sqrt(static_cast<double>(n));
    EXPECT_NEAR(mean_of(counts), photons, 4 * std::sqrt(photons) / root_n) << photons;
    // Var of (k - mean)² is photons + 2 photons² (fourth central moment photons + 3 photons²).
    EXPECT_NEAR(mean_of((counts - photons).square()), photons, 4 * std::sqrt(photons + 2 * photons * photons) / root_n)
        << photons;
    EXPECT_LT((counts - counts.round()).abs().max().item<double>(), 1e-9 * photons);
  }
}

TEST(Noise, PoissonCountsFollowTheExactProbabilities) {
  const std::int64_t n = 200000;
  for (const double mean : {4.0, 25.0}) {
    std::vector<double> histogram(120, 0);
    for (std::int64_t i = 0; i < n; ++i) {
      histogram.at(static_cast<std::size_t>(poisson(mean, 99, static_cast<std::uint64_t>(i)))) += 1;
    }
    double chi_square = 0;
    int cells = 0;
    for (std::size_t k = 0; k < histogram.size(); ++k) {
      const auto count = static_cast<double>(k);
      const double expected = static_cast<double>(n) * std::exp(count * std::log(mean) - mean - std::lgamma(count + 1));
      if (expected < 20) continue;
      chi_square += (histogram[k] - expected) * (histogram[k] - expected) / expected;
      ++cells;
    }
    // Pearson's statistic has mean `cells` and variance 2 · cells.
    EXPECT_LT(chi_square, cells + 4 * std::sqrt(2.0 * cells)) << mean;
    EXPECT_GT(chi_square, cells - 4 * std::sqrt(2.0 * cells)) << mean;
  }
}

TEST(Noise, PoissonRepeatsAndHasNoNegativeIntensity) {
  const Noise noise{.type = NoiseType::poisson, .peak = 50};
  const at::Tensor clean = at::linspace(-0.5, 1, 64).view({1, 1, 8, 8}).expand({2, 1, 8, 8});
  const at::Tensor noisy = with_noise(noise, clean, rng, {{5, 0}, {6, 0}});
  EXPECT_TRUE(at::equal(noisy.narrow(0, 1, 1), with_noise(noise, clean.narrow(0, 0, 1), rng, {{6, 0}})));
  EXPECT_FALSE(at::equal(noisy[0], noisy[1]));
  EXPECT_EQ(at::where(clean <= 0, noisy, at::zeros_like(noisy)).abs().max().item<float>(), 0);
  EXPECT_EQ(noisy.scalar_type(), at::kFloat);
}

TEST(Noise, EstimatedPoissonVarianceMakesChiSquareOne) {
  const Noise noise{.type = NoiseType::poisson, .peak = 200};
  const at::Tensor clean = at::full({1, 100000}, 0.6, at::kDouble);
  const at::Tensor y = with_noise(noise, clean, rng, {{9, 0}});
  const double chi = mean_of((y - clean).square() / noise_variance(noise, y));
  // E[(k - l)²/k] = 1 + 2/l + O(1/l²) for l = 120 photons; four standard errors of a mean of chi² terms beside.
  EXPECT_NEAR(chi, 1 + 2.0 / 120, 4 * std::sqrt(2.0 / 100000) + 0.002);
}

/// E z²/v for z ~ N(0, 1) and v = 1 + max(z r, 1)/r², read noise of r photons alone: data above 0 raise their own
/// variance.
double expected_chi_in_the_dark(double r) {
  double sum = 0, total = 0;
  for (double z = -8; z < 8; z += 1e-3) {
    const double density = std::exp(-z * z / 2);
    sum += density * z * z / (1 + std::max(z * r, 1.0) / (r * r));
    total += density;
  }
  return sum / total;
}

TEST(Noise, PoissonGaussianHasTheSumOfBothVariances) {
  const std::int64_t n = 100000;
  for (const double level : {0.0, 0.05, 0.7}) {
    const Noise noise{.type = NoiseType::poisson_gaussian, .std = {0.04}, .peak = 300};
    const at::Tensor clean = at::full({1, n}, level, at::kDouble);
    const at::Tensor y = with_noise(noise, clean, rng, {{4, 0}});
    const double variance = level / 300 + 0.04 * 0.04, root_n = std::sqrt(static_cast<double>(n));
    EXPECT_NEAR(mean_of(y), level, 4 * std::sqrt(variance) / root_n) << level;
    // Fourth central moment 3 v² and the photons' excess level / peak³, below a tenth of it.
    EXPECT_NEAR(mean_of((y - clean).square()) / variance, 1, 4 * std::sqrt(2.1) / root_n) << level;
    // chi² of n terms, and what the estimate of the variance adds: 3 photon² / variance, here 3 / (144 + 300 level).
    const double chi = mean_of((y - clean).square() / noise_variance(noise, y));
    EXPECT_NEAR(chi, level > 0 ? 1 : expected_chi_in_the_dark(12), 4 * std::sqrt(2.1) / root_n + 3.0 / 150) << level;
  }
}

TEST(Noise, PoissonGaussianIsBothPartsDrawnIndependently) {
  const at::Tensor clean = at::linspace(0.1, 1, 20000, at::kDouble).view({1, -1});
  const Noise both{.type = NoiseType::poisson_gaussian, .std = {0.1}, .peak = 100};
  const Noise photons{.type = NoiseType::poisson, .peak = 100};
  const at::Tensor read = with_noise(both, clean, rng, {{6, 0}}) - with_noise(photons, clean, rng, {{6, 0}});
  EXPECT_NEAR(mean_of(read.square()) / 0.01, 1, 4 * std::sqrt(2.0 / 20000));
  const at::Tensor shot = with_noise(photons, clean, rng, {{6, 0}}) - clean;
  const double correlation = mean_of(read * shot) / std::sqrt(mean_of(read.square()) * mean_of(shot.square()));
  EXPECT_NEAR(correlation, 0, 4 / std::sqrt(20000.0));
  EXPECT_TRUE(at::allclose(noise_variance(both, clean), noise_variance(photons, clean) + 0.01, 0, 1e-15));
  const Noise per_item{.type = NoiseType::poisson_gaussian, .std = {0.1, 0.3}, .peak = 100};
  EXPECT_EQ(per_item.std_of(1), 0.3);
}

template <class Run>
std::string message_of(ErrorKind kind, const Run& run) {
  try {
    run();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "no error";
}

TEST(Noise, RefusesWhatCannotBe) {
  const at::Tensor clean = at::ones({2, 4});
  const std::vector<StreamKey> keys{{1, 0}, {2, 0}};
  const auto simulate = [&](const Noise& noise) {
    return message_of(ErrorKind::usage, [&] { with_noise(noise, clean, rng, keys); });
  };
  EXPECT_NE(simulate({.type = NoiseType::gaussian, .std = {1, 2, 3}}).find("one per item (2), got 3"),
            std::string::npos);
  EXPECT_NE(simulate({.type = NoiseType::gaussian, .std = {-1}}).find("expected std >= 0"), std::string::npos);
  EXPECT_NE(simulate({.type = NoiseType::poisson}).find("peak > 0"), std::string::npos);
  const Noise poisson_noise{.type = NoiseType::poisson, .peak = 10};
  EXPECT_NE(message_of(ErrorKind::usage,
                       [&] {
                         with_noise(poisson_noise, at::zeros({1, 4}, at::kComplexFloat), rng, {{1, 0}});
                       })
                .find("counts photons"),
            std::string::npos);
  EXPECT_NE(message_of(ErrorKind::usage, [&] { noise_variance(Noise{}, clean); }).find("no variance"),
            std::string::npos);
  EXPECT_NE(message_of(ErrorKind::data, [] { noise_type_from("rician"); }).find("got 'rician'"), std::string::npos);
  EXPECT_NE(simulate({.type = NoiseType::poisson_gaussian, .std = {0.1}}).find("peak > 0"), std::string::npos);
  EXPECT_NE(simulate({.type = NoiseType::poisson_gaussian, .peak = 9}).find("got 0"), std::string::npos);
  EXPECT_NE(message_of(ErrorKind::usage, [] { Noise{.type = NoiseType::poisson}.std_of(0); }).find("poisson noise has"),
            std::string::npos);
  for (const auto type : {NoiseType::none, NoiseType::gaussian, NoiseType::poisson, NoiseType::poisson_gaussian}) {
    EXPECT_EQ(noise_type_from(to_string(type)), type);
  }
}

}  // namespace
}  // namespace recon
