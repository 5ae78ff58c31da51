// x_t and y as one Gaussian observation: against dense matrices, and against v-prediction where y says nothing.
#include "priors/linear_measurement.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "priors/network_prior.h"
#include "priors/networks/unet2d.h"
#include "priors/parameterization.h"
#include "priors/train/network_options.h"
#include "priors/train/parameter_initializer.h"
#include "priors/train/widened_parameters.h"
#include "tests/priors/masked_measurement.h"
#include "tests/priors/one_level_network.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

const std::vector<StreamKey> kKeys{{0, 0}, {1, 0}};
constexpr std::int64_t kSide = 6;

at::Tensor images(const char* name) {
  return Rng(3, name).normal(kKeys, 0, {{1, kSide, kSide}, ScalarKind::real}, at::kDouble);
}

at::Tensor half_mask() {
  return Rng(3, "mask").uniform({{0, 0}}, 0, {{1, kSide, kSide}, ScalarKind::real})[0].lt(0.5).to(at::kDouble);
}

double off(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

// S and mu entry by entry: a mask is diagonal.
TEST(CombinedObservation, IsTheFormula) {
  const at::Tensor mask = half_mask(), x_t = images("x_t"), data = images("y");
  const std::vector<NoiseLevel> levels{{.alpha = 0.8, .sigma = 0.6}, {.alpha = 0.1, .sigma = 3}};
  const LinearMeasurement y = test::masked(mask, data, {0.2, 0.5});
  const CombinedObservation both(x_t, levels, y);
  const at::Tensor v = images("v");
  for (std::int64_t i = 0; i < 2; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const double r = levels[k].relative_sigma(), s = y.noise_std[k];
    const at::Tensor S = (1 / (r * r) + mask / (s * s)).reciprocal();
    const at::Tensor mu = S * (x_t[i] / levels[k].alpha / (r * r) + mask * data[i] / (s * s));
    EXPECT_LT(off(both.input()[i], at::cat({mu / (1 + S), (S / (1 + S)).sqrt()})), 1e-12);
    EXPECT_LT(off(both.x0_of(v)[i], mu / (1 + S) - (S / (1 + S)).sqrt() * v[i]), 1e-12);
  }
  EXPECT_LT(off(both.v_of(both.x0_of(v)), v), 1e-10);
}

TEST(CombinedObservation, IsPlainVPredictionWhereTheDataSayNothing) {
  const NoiseLevel level{.alpha = 0.6, .sigma = 0.8};
  const at::Tensor x_t = images("x_t"), v = images("v");
  const CombinedObservation both(x_t, {level}, test::masked(at::zeros_like(x_t[0]), images("y"), {0.2, 0.2}));
  EXPECT_LT(off(both.input(), at::cat({0.6 * x_t, at::full_like(x_t, 0.8)}, 1)), 1e-14);
  EXPECT_LT(off(both.x0_of(v), to_x0(Prediction::v, v, x_t, level)), 1e-14);
}

TEST(TrainedMeasurement, KnowsItsFamilyByNameAndNoise) {
  const TrainedMeasurement trained{.op = "inpainting(random, 30.0 % measured)", .noise_std = {0.05, 0.1}};
  const auto objection = [&](const std::string& name, double noise_std) {
    LinearMeasurement y;
    y.operator_name = name;
    y.noise_std = {0.07, noise_std};
    return trained.objection(y);
  };
  for (const double noise_std : {0.046, 0.05, 0.1, 0.109}) {
    EXPECT_EQ(objection("inpainting(random, 30.0 % measured)", noise_std), "");
  }
  EXPECT_EQ(objection("inpainting(array, 29.1 % measured)", 0.05), "") << "a mask of such a share";
  for (const char* other : {"inpainting(box, 30.0 % measured)", "inpainting(random, 50.0 % measured)", "",
                            "fourier(random, 30.0 % measured)", "inpainting(random, 30.0 % measured) then scale 2"}) {
    test::expect_says(objection(other, 0.05), {"operator inpainting(random, 30.0 % measured), got"});
  }
  for (const double noise_std : {0.04, 0.12}) {
    test::expect_says(objection("inpainting(random, 30.0 % measured)", noise_std), {"0.05 to 0.1", "got 0."});
  }
}

NetworkPriorDescription knowing(Prediction prediction, const NoiseSchedule& schedule) {
  return {.name = "knowing",
          .domain = {.channels = 1, .fixed_size = {}, .multiple = 1},
          .schedule = schedule,
          .prediction = prediction,
          .measurement = TrainedMeasurement{.op = "mask", .noise_std = {0.2, 0.5}}};
}

TEST(NetworkPrior, DenoisesByBothAndRefusesOtherMeasurements) {
  const NetworkOptions shape = test::one_level(8, 4);
  const auto network = test::one_level_network(shape, 1, 1, 1);
  for (const auto& [name, value] : network->parameters()) {  // conv_out begins at zero, which would hide everything
    if (name == "conv_out.weight") value.fill_(0.1);
  }
  const NoiseSchedule process = NoiseSchedule::vp_linear();
  const NetworkPrior prior(knowing(Prediction::v, process), network);
  const NoiseLevel level = process.at(300);
  const at::Tensor x_t = images("x_t");
  LinearMeasurement y = test::masked(half_mask(), images("y"), {0.2, 0.5});
  prior.require_knows(y);
  const CombinedObservation both(x_t, {level}, y);
  const at::Tensor v = network->forward(both.input().to(at::kFloat), at::full({2}, 300.0, at::kFloat));
  EXPECT_LT(off(prior.denoise_given(x_t, level, y), both.x0_of(v.to(at::kDouble))), 1e-6);
  const at::Tensor alone = at::cat({level.alpha * x_t, at::full_like(x_t, level.sigma)}, 1);
  const at::Tensor u = network->forward(alone.to(at::kFloat), at::full({2}, 300.0, at::kFloat));
  EXPECT_LT(off(prior.denoise(x_t, level), to_x0(Prediction::v, u.to(at::kDouble), x_t, level)), 1e-6)
      << "of x_t alone";
  y.noise_std = {0.2, 0.9};
  test::expect_says(test::complaint([&] { prior.require_knows(y); }, ErrorKind::usage),
                    {"knowing", "0.2 to 0.5", "got 0.9", "--operator"});
  NetworkPriorDescription plain = knowing(Prediction::v, process);
  plain.measurement.reset();
  const auto narrow = test::one_level_network(shape, 1, 0, 1);
  test::expect_says(test::complaint([&] { NetworkPrior(plain, narrow).require_knows(y); }, ErrorKind::usage),
                    {"not trained for a measurement", "mask"});
  test::expect_says(test::complaint([&] { NetworkPrior(knowing(Prediction::v, process), narrow); }),
                    {"2 -> 1 channels"});
  for (const auto& wrong :
       {knowing(Prediction::epsilon, process),
        knowing(Prediction::v, NoiseSchedule(VeGeometricSchedule{.sigma_min = 0.02, .sigma_max = 10}))}) {
    test::expect_says(test::complaint([&] { NetworkPrior(wrong, network); }), {"knowing", "predicts v", "vp_linear"});
  }
}

// Further channels that begin at weights of zero: the network is what it was, whatever they hold.
TEST(WidenedParameters, GiveWhatTheNarrowNetworkDoes) {
  ParameterInitializer source(1);
  UNet2DConfig config = test::one_level(8, 4).config(1, "");
  const UNet2D narrow(config, source);
  for (const auto& [name, value] : narrow.parameters()) {
    if (name == "conv_out.weight") value.fill_(0.1);
  }
  config.in_channels = 2;
  WidenedParameters widened(narrow.parameters());
  const UNet2D wide(config, widened);
  const at::Tensor x = images("x_t").to(at::kFloat), more = images("y").to(at::kFloat), t = at::full({2}, 3.0);
  EXPECT_TRUE(at::allclose(wide.forward(at::cat({x, more}, 1), t), narrow.forward(x, t), 1e-5, 1e-6));
  config.in_channels = 4;
  WidenedParameters between(wide.parameters(), 1);
  const at::Tensor apart = at::cat({x, more, 2 * more, x}, 1), together = at::cat({x, x}, 1);
  EXPECT_TRUE(at::allclose(UNet2D(config, between).forward(apart, t), wide.forward(together, t), 1e-5, 1e-6));
}

}  // namespace
}  // namespace recon
