// The training losses: weights, the seeds' identities between them, and where noise levels come from.
#include "priors/train/loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "priors/train/level_distribution.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

constexpr std::array kKinds{Prediction::epsilon, Prediction::score,         Prediction::x0,          Prediction::v,
                            Prediction::edm,     Prediction::flow_to_noise, Prediction::flow_to_data};

at::Tensor draw(std::uint32_t step) {
  return Rng(1, "loss").normal({{0, 0}, {1, 0}, {2, 0}}, step, {{1, 4, 4}, ScalarKind::real}, at::kDouble);
}

/// One wrong estimate of x_0, seen through each parameterization, at three levels of VP.
struct Example {
  std::vector<NoiseLevel> levels;
  at::Tensor x0 = draw(0), noise = draw(1), estimate = draw(2), x_t;

  Example() {
    const NoiseSchedule schedule = NoiseSchedule::vp_linear();
    for (const double t : {20.0, 300.0, 800.0}) levels.push_back(schedule.at(t));
    std::vector<double> alpha, sigma;
    for (const auto& level : levels) {
      alpha.push_back(level.alpha);
      sigma.push_back(level.sigma);
    }
    x_t = x0 * recon::per_item(alpha, x0) + noise * recon::per_item(sigma, x0);
  }

  double loss(const LossOptions& options, std::size_t only) const {
    std::vector<double> weights(levels.size(), 0);
    weights[only] = loss_weight(options, levels[only]);
    const at::Tensor out = from_x0(options.prediction, estimate, x_t, levels, options.sigma_data);
    const at::Tensor target = from_x0(options.prediction, x0, x_t, levels, options.sigma_data);
    return weighted_loss(out, target, weights).item<double>();
  }
  double simple(Prediction kind, std::size_t i) const { return loss({.prediction = kind}, i); }
};

TEST(TrainingLoss, HoldsTheIdentitiesOfTheSeeds) {
  const Example example;
  for (std::size_t i = 0; i < example.levels.size(); ++i) {
    const double alpha_bar = example.levels[i].alpha_bar(), v = example.simple(Prediction::v, i);
    // float64 throughout; the subtraction in x_t - alpha x_0 loses a few digits at most.
    EXPECT_NEAR(example.simple(Prediction::epsilon, i) / (alpha_bar * v), 1, 1e-10);   // seed 003
    EXPECT_NEAR(example.simple(Prediction::x0, i) / ((1 - alpha_bar) * v), 1, 1e-10);  // seed 003
    const double noise = example.simple(Prediction::epsilon, i);
    EXPECT_NEAR(example.loss({.prediction = Prediction::score, .weighting = Weighting::sigma_squared}, i) / noise, 1,
                1e-10)
        << "denoising score matching with lambda = sigma² is the noise loss (seeds 001, 003)";
  }
}

TEST(TrainingLoss, WeightsOfX0DoNotDependOnThePrediction) {
  const Example example;
  for (const auto weighting : {Weighting::snr, Weighting::min_snr, Weighting::edm}) {
    for (std::size_t i = 0; i < example.levels.size(); ++i) {
      const double reference = example.loss({.prediction = Prediction::x0, .weighting = weighting}, i);
      for (const auto kind : kKinds) {
        const double loss = example.loss({.prediction = kind, .weighting = weighting}, i);
        EXPECT_NEAR(loss / reference, 1, 1e-10) << to_string(kind);
      }
    }
  }
}

TEST(TrainingLoss, WeightsAreThoseOfThePapers) {
  const NoiseLevel level{.alpha = 0.6, .sigma = 0.8};
  const double snr = 0.36 / 0.64;
  const auto weight = [&](Prediction kind, Weighting weighting, double gamma = 5) {
    return loss_weight({.prediction = kind, .weighting = weighting, .gamma = gamma}, level);
  };
  for (const auto kind : kKinds) EXPECT_EQ(weight(kind, Weighting::simple), 1);
  EXPECT_NEAR(weight(Prediction::epsilon, Weighting::snr), 1, 1e-12);  // Salimans & Ho: SNR weighting is the noise loss
  EXPECT_NEAR(weight(Prediction::v, Weighting::snr), snr / (snr + 1), 1e-12);
  // Hang et al. 2023, section 3.3: min(SNR, gamma)/SNR for noise, min(SNR, gamma)/(SNR + 1) for v.
  EXPECT_NEAR(weight(Prediction::epsilon, Weighting::min_snr, 0.5), 0.5 / snr, 1e-12);
  EXPECT_NEAR(weight(Prediction::v, Weighting::min_snr, 0.5), 0.5 / (snr + 1), 1e-12);
  EXPECT_NEAR(weight(Prediction::x0, Weighting::min_snr, 5), snr, 1e-12);
  // Karras et al. 2022: lambda c_out² = 1, so that F is learned with weight 1 everywhere.
  EXPECT_NEAR(weight(Prediction::edm, Weighting::edm), 1, 1e-12);
}

TEST(TrainingLoss, ChoosesTheUsualWeightingByItself) {
  EXPECT_EQ(usual_weighting(Prediction::score), Weighting::sigma_squared);
  EXPECT_EQ(usual_weighting(Prediction::edm), Weighting::edm);
  EXPECT_EQ(usual_weighting(Prediction::v), Weighting::simple);
}

/// Share of draws below x, for Kolmogorov-Smirnov distances.
double largest_deviation(std::vector<double> values, const std::function<double(double)>& cdf) {
  std::sort(values.begin(), values.end());
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = cdf(values[i]), n = static_cast<double>(values.size());
    worst = std::max(
        {worst, std::abs(expected - static_cast<double>(i) / n), std::abs(expected - static_cast<double>(i + 1) / n)});
  }
  return worst;
}

TEST(LevelDistribution, DrawsWhatItSays) {
  const NoiseSchedule schedule = NoiseSchedule::vp_linear();
  const double low = std::log(schedule.min_relative_sigma()), high = std::log(schedule.max_relative_sigma());
  constexpr int steps = 64, batch = 32;
  const auto phi = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); };
  struct Case {
    LevelLaw levels;
    std::function<double(double)> cdf;  // of ln r
  };
  const double mean = -0.5, deviation = 1.5;
  const double below = phi((low - mean) / deviation), above = phi((high - mean) / deviation);
  for (const Case& c : {Case{LevelLaw::log_uniform, [&](double x) { return (x - low) / (high - low); }},
                        Case{LevelLaw::log_normal,
                             [&](double x) { return (phi((x - mean) / deviation) - below) / (above - below); }}}) {
    TrainingOptions options;
    options.batch = batch;
    options.levels = c.levels;
    options.log_mean = mean;
    options.log_std = deviation;
    const LevelDistribution distribution(schedule, options);
    std::vector<double> logs;
    for (int step = 0; step < steps; ++step) {
      const auto times = distribution.draw(step);
      EXPECT_EQ(times, distribution.draw(step)) << "a step's levels depend on nothing but the step";
      for (const double t : times) logs.push_back(std::log(schedule.at(t).relative_sigma()));
    }
    // Stratified draws: within each step one value per slice of 1/32, so the distance stays below 1/32.
    EXPECT_LT(largest_deviation(logs, c.cdf), 1.0 / batch) << to_string(c.levels);
  }
}

TEST(LevelDistribution, GivesWholeTimestepsOfATableAlike) {
  TrainingOptions options;
  options.batch = 100;
  const LevelDistribution distribution(NoiseSchedule::vp_linear(10), options);
  std::vector<int> counts(10, 0);
  for (const double t : distribution.draw(3)) {
    ASSERT_EQ(t, std::floor(t));
    ++counts.at(static_cast<std::size_t>(t));
  }
  for (const int count : counts) EXPECT_EQ(count, 10);  // stratified: exactly even
}

TEST(LevelDistribution, ReachesBothEndsOfContinuousProcesses) {
  TrainingOptions options;
  for (const auto& schedule : {NoiseSchedule(FlowSchedule{}), NoiseSchedule(EdmRhoSchedule{}),
                               NoiseSchedule(VeGeometricSchedule{}), NoiseSchedule(VpContinuousSchedule{})}) {
    for (const LevelLaw levels : {LevelLaw::uniform_t, LevelLaw::log_normal, LevelLaw::log_uniform}) {
      options.levels = levels;
      const LevelDistribution distribution(schedule, options);
      for (const double u : {0.0, 1e-12, 0.5, 1 - 1e-12}) {
        const NoiseLevel level = schedule.at(distribution.time_at(u));
        EXPECT_TRUE(std::isfinite(level.relative_sigma()) && level.sigma > 0)
            << schedule.name() << ' ' << to_string(levels);
      }
    }
  }
}

}  // namespace
}  // namespace recon
