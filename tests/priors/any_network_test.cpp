// A network of any kind, trained on any process, is the same denoiser at any level of any other process. Judged by
// N(mean, deviation²) data, whose denoiser is known; the networks are its closed form, in the words of each kind.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "priors/network_prior.h"
#include "recon/core/rng.h"
#include "tests/priors/every_schedule.h"

namespace recon {
namespace {

constexpr double kMean = 0.3, kDeviation = 0.7;
constexpr std::array kLevels{0.05, 0.3, 1.0, 4.0, 12.0};  ///< relative sigmas

/// Those that reach the levels at which they are compared.
std::vector<NoiseSchedule> every_process() {
  std::vector<NoiseSchedule> schedules = test::every_schedule();
  std::erase_if(schedules, [](const NoiseSchedule& s) {
    return s.min_relative_sigma() > kLevels.front() || s.max_relative_sigma() < kLevels.back();
  });
  return schedules;
}

/// E[x_0 | x_t] of the Gaussian: precision-weighted mean of the data and of the measurement x_t / alpha.
at::Tensor denoised(const at::Tensor& x_t, double alpha, double sigma) {
  const double signal = alpha * alpha * kDeviation * kDeviation, noise = sigma * sigma;
  return (noise * kMean + alpha * kDeviation * kDeviation * x_t) / (signal + noise);
}

/// The network that a perfect training would give. It knows its own process only: from its time input it finds
/// alpha and sigma, undoes the input's scaling, and answers in its own kind.
class PerfectNetwork final : public Network {
 public:
  explicit PerfectNetwork(const NetworkPriorDescription& d) : d_(d) {
    parameters_.push_back({"weight", at::ones({1})});
  }

  at::Tensor forward(const at::Tensor& input, const at::Tensor& times) const override {
    const auto [alpha, sigma] = level_of(times[0].item<double>() / d_.time_scale);
    const double r = sigma / alpha, sd = d_.sigma_data, total = std::sqrt(r * r + sd * sd);
    const bool edm = d_.prediction == Prediction::edm;
    const at::Tensor x_t = edm ? input.to(at::kDouble) * total * alpha : input.to(at::kDouble);
    const at::Tensor x0 = denoised(x_t, alpha, sigma), eps = (x_t - alpha * x0) / sigma;
    switch (d_.prediction) {
      case Prediction::epsilon:
        return eps.to(at::kFloat);
      case Prediction::score:  // of N(alpha mean, alpha² deviation² + sigma²)
        return ((alpha * kMean - x_t) / (std::pow(alpha * kDeviation, 2) + sigma * sigma)).to(at::kFloat);
      case Prediction::x0:
        return x0.to(at::kFloat);
      case Prediction::v:
        return (alpha * eps - sigma * x0).to(at::kFloat);
      case Prediction::flow_to_noise:
        return (eps - x0).to(at::kFloat);
      case Prediction::flow_to_data:
        return (x0 - eps).to(at::kFloat);
      case Prediction::edm:
        return ((x0 - sd * sd / (total * total) * x_t / alpha) * total / (r * sd)).to(at::kFloat);
    }
    return {};
  }
  std::int64_t in_channels() const override { return 1; }
  std::int64_t out_channels() const override { return 1; }
  std::int64_t size_multiple() const override { return 1; }
  std::shared_ptr<const Network> to(c10::Device) const override { return nullptr; }

 private:
  NoiseLevel level_of(double time) const {
    const double last = d_.schedule.max_time();
    switch (d_.time_input) {
      case TimeInput::timestep:
        return d_.schedule.at(std::min(time, last));
      case TimeInput::reversed_timestep:
        return d_.schedule.at(last - time);
      case TimeInput::relative_sigma:
      case TimeInput::edm_noise: {
        const double r = d_.time_input == TimeInput::edm_noise ? std::exp(4 * time) : time;
        const double alpha = d_.schedule.at(d_.schedule.time_of(r)).alpha;
        return {alpha, alpha * r};
      }
    }
    return {};
  }

  NetworkPriorDescription d_;
};

NetworkPriorDescription description(const NoiseSchedule& schedule, Prediction prediction, TimeInput time_input) {
  return {.name = "perfect",
          .domain = {.channels = 1, .fixed_size = {}},
          .schedule = schedule,
          .prediction = prediction,
          .time_input = time_input,
          .denoising_mse = {}};
}

/// Levels of every process, between the ends that all of them know.
std::vector<std::pair<std::string, NoiseLevel>> levels_of_every_process() {
  std::vector<std::pair<std::string, NoiseLevel>> levels;
  for (const NoiseSchedule& schedule : every_process()) {
    for (const double r : kLevels) {
      levels.emplace_back(schedule.name(), schedule.at(schedule.time_of(r)));
    }
  }
  return levels;
}

/// The largest error over the noise, which is what float32 networks and times round.
double worst(const NetworkPriorDescription& d, const std::string& trained) {
  const NetworkPrior prior(d, std::make_shared<const PerfectNetwork>(d));
  double largest = 0;
  for (const auto& [used, level] : levels_of_every_process()) {
    const double std = std::hypot(level.alpha * kDeviation, level.sigma);
    const at::Tensor x_t =
        level.alpha * kMean + std * Rng(4, "x").normal({{0, 0}}, 0, {{1, 8, 8}, ScalarKind::real}, at::kDouble);
    const at::Tensor exact = denoised(x_t, level.alpha, level.sigma);
    const double error = (prior.denoise(x_t, level) - exact).abs().max().item<double>();
    // float32 input and output: x_0 = x_t / alpha - r out rounds at 2^-24 (1 + r) of numbers up to 4. The time input
    // has 24 bits as well, of up to 999: log r moves by at most 999 * 2^-24 * max d(log r)/dt = 6e-5 * 0.05 for the
    // tables beyond their first steps, and r times that reaches x_0.
    const double tolerance = (4 * 0x1p-23 + 4e-6) * (1 + level.relative_sigma());
    EXPECT_LT(error, tolerance) << to_string(d.prediction) << " " << to_string(d.time_input) << " trained on "
                                << trained << ", used on " << used << " at r " << level.relative_sigma();
    largest = std::max(largest, error / tolerance);
  }
  return largest;
}

class AnyNetwork : public testing::TestWithParam<Prediction> {};

TEST_P(AnyNetwork, DenoisesOnEveryProcess) {
  ASSERT_EQ(every_process().size(), 10U);
  for (const NoiseSchedule& trained : every_process()) {
    for (const TimeInput input :
         {TimeInput::timestep, TimeInput::reversed_timestep, TimeInput::relative_sigma, TimeInput::edm_noise}) {
      worst(description(trained, GetParam(), input), trained.name());
    }
  }
}

TEST_P(AnyNetwork, KnowsItsOwnSpreadOfDataAndUnitOfTime) {
  NetworkPriorDescription d = description(NoiseSchedule(FlowSchedule{}), GetParam(), TimeInput::timestep);
  d.sigma_data = 1.3;
  d.time_scale = 1000;
  worst(d, "flow");
}

// Score, epsilon, velocity: closed forms of the Gaussian, at levels of every process.
TEST_P(AnyNetwork, AnswersEveryQuestion) {
  const NetworkPriorDescription d = description(NoiseSchedule::vp_linear(), GetParam(), TimeInput::timestep);
  const NetworkPrior prior(d, std::make_shared<const PerfectNetwork>(d));
  for (const auto& [used, level] : levels_of_every_process()) {
    const auto [alpha, sigma] = level;
    const double variance = std::pow(alpha * kDeviation, 2) + sigma * sigma;
    const at::Tensor x_t =
        alpha * kMean +
        std::sqrt(variance) * Rng(4, "x").normal({{0, 0}}, 0, {{1, 8, 8}, ScalarKind::real}, at::kDouble);
    const at::Tensor score = (alpha * kMean - x_t) / variance, eps = -sigma * score;
    const at::Tensor x0 = denoised(x_t, alpha, sigma);
    const auto expect = [&, r = level.relative_sigma()](const at::Tensor& got, const at::Tensor& exact, double slope) {
      // An error of x_0 (see worst) times how strongly the answer depends on x_0.
      EXPECT_LT((got - exact).abs().max().item<double>(), 5e-6 * (1 + r) * slope) << used << " at r " << r;
    };
    expect(prior.score(x_t, level), score, alpha / (sigma * sigma));
    expect(prior.epsilon(x_t, level), eps, alpha / sigma);
    expect(prior.velocity(x_t, level), alpha * eps - sigma * x0, (alpha * alpha + sigma * sigma) / sigma);
    expect(prior.predict(Prediction::flow_to_noise, x_t, level), eps - x0, (alpha + sigma) / sigma);
    expect(prior.predict(Prediction::flow_to_data, x_t, level), x0 - eps, (alpha + sigma) / sigma);
    expect(prior.predict(Prediction::x0, x_t, level), x0, 1);
    const double r = sigma / alpha, total = std::sqrt(r * r + 0.04);
    expect(prior.predict(Prediction::edm, x_t, level, 0.2),
           (x0 - 0.04 / (total * total) * x_t / alpha) * total / (r * 0.2), total / (r * 0.2));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, AnyNetwork,
                         testing::Values(Prediction::epsilon, Prediction::score, Prediction::x0, Prediction::v,
                                         Prediction::flow_to_noise, Prediction::flow_to_data, Prediction::edm),
                         [](const auto& parameter) { return to_string(parameter.param); });

}  // namespace
}  // namespace recon
