#include "priors/parameterization.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>
#include <vector>

#include "recon/core/error.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

const std::vector<Prediction> kAll{Prediction::epsilon,       Prediction::score,        Prediction::x0, Prediction::v,
                                   Prediction::flow_to_noise, Prediction::flow_to_data, Prediction::edm};

at::Tensor normal(const char* stream, std::int64_t batch = 2) {
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < batch; ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
  return Rng(5, stream).normal(keys, 0, {{1, 6, 5}, ScalarKind::real}, at::kDouble);
}

double largest(const at::Tensor& tensor) { return tensor.abs().max().item<double>(); }

std::vector<NoiseLevel> levels_of_every_process() {
  std::vector<NoiseLevel> levels;
  for (const NoiseSchedule& schedule :
       {NoiseSchedule::vp_linear(), NoiseSchedule::vp_cosine(), NoiseSchedule(VeGeometricSchedule{}),
        NoiseSchedule(EdmRhoSchedule{}), NoiseSchedule(FlowSchedule{})}) {
    for (const NoiseLevel& level : schedule.steps(5, Spacing::uniform_log_snr)) levels.push_back(level);
  }
  return levels;
}

// The worked example of seed 000.
TEST(Parameterization, SeedWorkedExample) {
  const NoiseLevel level{std::sqrt(0.5), std::sqrt(0.5)};
  const at::Tensor x_t = at::tensor({1.0, 2.0}, at::kDouble), eps = at::tensor({0.5, 1.0}, at::kDouble);
  const at::Tensor x0 = to_x0(Prediction::epsilon, eps, x_t, level);
  const at::Tensor score = from_x0(Prediction::score, x0, x_t, level);
  const double printed = 0.5e-4;  // the example is printed to four decimals
  EXPECT_LT(largest(x0 - at::tensor({0.9142, 1.8284}, at::kDouble)), printed);
  EXPECT_LT(largest(score - at::tensor({-0.7071, -1.4142}, at::kDouble)), printed);
  EXPECT_LT(largest(to_x0(Prediction::score, score, x_t, level) - x0), 8 * kEpsilon);
}

// What each kind means, straight from x_0 and eps, independent of the table's own algebra.
TEST(Parameterization, KindsMeanWhatTheyAreCalled) {
  const at::Tensor x0 = normal("x0"), eps = normal("eps");
  for (const NoiseLevel& level : levels_of_every_process()) {
    const auto [alpha, sigma] = level;
    const at::Tensor x_t = alpha * x0 + sigma * eps;
    const auto expect = [&](Prediction kind, const at::Tensor& meaning) {
      // x_t rounds at alpha x0 or sigma eps, whichever is larger; the table divides that by sigma (score: twice).
      const double amplified = (alpha + sigma) * (1 + 1 / sigma) * (kind == Prediction::score ? 1 + 1 / sigma : 1);
      const double tolerance = 100 * kEpsilon * (amplified + sigma);
      EXPECT_LT(largest(from_x0(kind, x0, x_t, level) - meaning), tolerance) << to_string(kind) << " sigma " << sigma;
    };
    expect(Prediction::epsilon, eps);
    expect(Prediction::score, -eps / sigma);
    expect(Prediction::x0, x0);
    expect(Prediction::v, alpha * eps - sigma * x0);
    expect(Prediction::flow_to_noise, eps - x0);
    expect(Prediction::flow_to_data, x0 - eps);
    const double r = sigma / alpha, sd = 0.5;  // F of Karras et al. 2022, eq. 8, solved for the training target
    expect(Prediction::edm, (x0 - sd * sd / (r * r + sd * sd) * x_t / alpha) * std::sqrt(r * r + sd * sd) / (r * sd));
  }
}

TEST(Parameterization, EveryPairConvertsThereAndBack) {
  const at::Tensor x0 = normal("x0"), eps = normal("eps");
  for (const NoiseLevel& level : levels_of_every_process()) {
    const at::Tensor x_t = level.alpha * x0 + level.sigma * eps;
    const double r = level.relative_sigma();
    for (const Prediction first : kAll) {
      for (const Prediction second : kAll) {
        const at::Tensor out = from_x0(first, x0, x_t, level);
        const at::Tensor other = from_x0(second, to_x0(first, out, x_t, level), x_t, level);
        const at::Tensor back = to_x0(second, other, x_t, level);
        // x_0 is found again to the rounding of x_t / alpha = x_0 + r eps.
        EXPECT_LT(largest(back - x0), 200 * kEpsilon * (1 + r)) << to_string(first) << " -> " << to_string(second);
      }
    }
  }
}

TEST(Parameterization, ConversionsAreDifferentiable) {
  const c10::AutoGradMode with_grad(true);
  const NoiseLevel level{0.8, 0.6};
  const at::Tensor x_t = normal("x_t"), v = normal("v");
  for (const Prediction kind : kAll) {
    const at::Tensor out = normal("out").requires_grad_(true);
    const at::Tensor vjp = torch::autograd::grad({to_x0(kind, out, x_t, level)}, {out}, {v})[0];
    // The map is affine in out with a multiple of the identity: its slope is a difference quotient, exactly.
    const at::Tensor slope = to_x0(kind, out.detach() + v, x_t, level) - to_x0(kind, out.detach(), x_t, level);
    EXPECT_LT(largest(vjp - slope), 40 * kEpsilon) << to_string(kind);
    EXPECT_GT(largest(vjp), 0.1) << to_string(kind);
  }
}

// Seed 003: for one denoiser error, MSE(eps) = alpha_bar MSE(v) and MSE(x_0) = (1 - alpha_bar) MSE(v) under VP.
TEST(Parameterization, MeanSquaredErrorsOfThePredictionsAreProportional) {
  const at::Tensor x0 = normal("x0"), eps = normal("eps"), wrong = x0 + 0.1 * normal("error");
  for (const double alpha_bar : {0.999, 0.5, 0.01}) {
    const NoiseLevel level{std::sqrt(alpha_bar), std::sqrt(1 - alpha_bar)};
    const at::Tensor x_t = level.alpha * x0 + level.sigma * eps;
    const auto mse = [&](Prediction kind) {
      return (from_x0(kind, wrong, x_t, level) - from_x0(kind, x0, x_t, level)).square().mean().item<double>();
    };
    const double tolerance =
        1e4 * kEpsilon * mse(Prediction::v);  // errors are differences a tenth of the values, squared
    EXPECT_NEAR(mse(Prediction::epsilon), alpha_bar * mse(Prediction::v), tolerance);
    EXPECT_NEAR(mse(Prediction::x0), (1 - alpha_bar) * mse(Prediction::v), tolerance);
  }
}

TEST(Parameterization, EdmCoefficientsAreThoseOfKarras) {
  const EdmCoefficients c = edm_coefficients(2.0, 0.5);
  EXPECT_NEAR(c.c_skip, 0.25 / 4.25, 4 * kEpsilon);
  EXPECT_NEAR(c.c_out, 2 * 0.5 / std::sqrt(4.25), 4 * kEpsilon);
  EXPECT_NEAR(c.c_in, 1 / std::sqrt(4.25), 4 * kEpsilon);
  EXPECT_NEAR(c.c_noise, std::log(2.0) / 4, 4 * kEpsilon);
}

// F of a network for data of another spread, from Karras et al. 2022, eq. 7, with all coefficients written out.
TEST(Parameterization, EdmDependsOnTheStandardDeviationOfTheData) {
  const at::Tensor f = normal("F"), x_t = normal("x_t");
  for (const double sd : {0.2, 0.5, 3.0}) {
    const NoiseLevel level{0.4, 0.8};
    const double r = 2, total = std::sqrt(r * r + sd * sd);
    const at::Tensor x0 = sd * sd / (total * total) * (x_t / 0.4) + r * sd / total * f;
    EXPECT_LT(largest(to_x0(Prediction::edm, f, x_t, level, sd) - x0), 40 * kEpsilon * (1 + sd)) << sd;
    EXPECT_LT(largest(from_x0(Prediction::edm, x0, x_t, level, sd) - f), 100 * kEpsilon * (1 + 1 / sd)) << sd;
    const EdmCoefficients c = edm_coefficients(r, sd);
    const Conversion row = conversion(Prediction::edm, level, sd);
    EXPECT_NEAR(row.xt / row.x0, c.c_skip / 0.4, 20 * kEpsilon);
    EXPECT_NEAR(row.out / row.x0, c.c_out, 20 * kEpsilon * (1 + sd));
  }
  // Pure noise: nothing of x_t is kept, x_0 = sigma_data F.
  EXPECT_LT(largest(to_x0(Prediction::edm, f, x_t, NoiseLevel{0, 1}, 0.3) - 0.3 * f), 8 * kEpsilon);
}

TEST(Parameterization, ALevelPerItemIsTheTableItemByItem) {
  const std::vector<NoiseLevel> levels{{0.9, 0.1}, {1, 7}, {0.3, 0.7}};
  const at::Tensor x_t = normal("x_t", 3), other = normal("other", 3);
  for (const Prediction kind : kAll) {
    const at::Tensor x0 = to_x0(kind, other, x_t, levels, 0.7), out = from_x0(kind, other, x_t, levels, 0.7);
    ASSERT_EQ(x0.sizes(), x_t.sizes());
    for (std::int64_t i = 0; i < 3; ++i) {
      const NoiseLevel& level = levels[static_cast<std::size_t>(i)];
      EXPECT_TRUE(at::equal(x0[i], to_x0(kind, other[i], x_t[i], level, 0.7))) << to_string(kind) << " item " << i;
      EXPECT_TRUE(at::equal(out[i], from_x0(kind, other[i], x_t[i], level, 0.7))) << to_string(kind) << " item " << i;
    }
    EXPECT_EQ(to_x0(kind, other.to(at::kFloat), x_t.to(at::kFloat), levels).scalar_type(), at::kFloat);
    EXPECT_THROW(to_x0(kind, other, x_t, std::vector<NoiseLevel>{{1, 1}, {1, 2}}), Error) << to_string(kind);
    EXPECT_THROW(to_x0(kind, other, x_t, std::vector<NoiseLevel>{{1, 1}}), Error) << to_string(kind);
    if (kind == Prediction::x0) continue;
    EXPECT_THROW(from_x0(kind, other, x_t, std::vector<NoiseLevel>{{1, 1}, {1, 0}, {1, 2}}), Error) << to_string(kind);
  }
  EXPECT_THROW(to_x0(Prediction::epsilon, other, x_t, std::vector<NoiseLevel>{{1, 1}, {0, 1}, {1, 2}}), Error);
}

TEST(Parameterization, NamesAndEndsAreChecked) {
  for (const Prediction kind : kAll) EXPECT_EQ(from_word<Prediction>(to_string(kind), "test"), kind);
  EXPECT_THROW(from_word<Prediction>("v_prediction", "test"), Error);
  const at::Tensor x = normal("x");
  for (const Prediction kind : kAll) {
    if (kind == Prediction::x0) continue;
    EXPECT_THROW(from_x0(kind, x, x, NoiseLevel{1, 0}), Error) << to_string(kind);
  }
  EXPECT_THROW(to_x0(Prediction::epsilon, x, x, NoiseLevel{0, 1}), Error);
  EXPECT_THROW(to_x0(Prediction::score, x, x, NoiseLevel{0, 1}), Error);
  // Every row reaches the clean end: x_0 = x_t / alpha, whatever the network says.
  for (const Prediction kind : kAll) {
    if (kind == Prediction::x0) continue;
    EXPECT_LT(largest(to_x0(kind, x, 2 * x, NoiseLevel{0.5, 0}) - 4 * x), 32 * kEpsilon) << to_string(kind);
  }
  // The flow's own kinds reach both ends of the flow: pure noise, x_0 = x_t - out, and the clean image.
  EXPECT_LT(largest(to_x0(Prediction::flow_to_noise, x, 2 * x, NoiseLevel{0, 1}) - x), 8 * kEpsilon);
  EXPECT_LT(largest(to_x0(Prediction::flow_to_data, x, 2 * x, NoiseLevel{1, 0}) - 2 * x), 8 * kEpsilon);
}

}  // namespace
}  // namespace recon
