// What training is for: from draws of a distribution whose score is known, every parameterization learns that score.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "priors/gaussian_mixture_prior.h"
#include "priors/train/trainer.h"
#include "tests/priors/one_level_network.h"
#include "tests/support/faults.h"
#include "tests/support/word.h"

namespace recon {
namespace {

/// Three unequal blobs in the plane, as images of 2 channels and 1 x 1 pixel.
GaussianMixturePrior mixture() {
  const auto blob = [](double weight, double x, double y, double variance) {
    return MixtureComponent{.weight = weight,
                            .mean = at::tensor({x, y}, at::kDouble).reshape({2, 1, 1}),
                            .covariance = Covariance::isotropic({2, 1, 1}, variance)};
  };
  return GaussianMixturePrior({blob(0.5, -0.6, 0.2, 0.01), blob(0.3, 0.5, 0.6, 0.04), blob(0.2, 0.3, -0.7, 0.02)});
}

/// The data set: independent draws.
TrainingImages draws_of(const GaussianMixturePrior& prior, std::int64_t count) {
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < count; ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
  const at::Tensor all = prior.sample(Rng(4, "data"), keys, at::kFloat);
  return {count, [all](std::int64_t index) { return all[index]; }};
}

struct Case {
  Prediction prediction;
  NoiseSchedule schedule;
  std::optional<Weighting> weighting = std::nullopt;
  LevelLaw levels = LevelLaw::log_uniform;
  const char* name;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

NetworkPriorDescription description_of(const Case& c) {
  NetworkPriorDescription description{.name = c.name,
                                      .domain = {.channels = 2, .fixed_size = {}, .multiple = 1},
                                      .schedule = c.schedule,
                                      .prediction = c.prediction};
  // Positional features are made for times up to 1000.
  if (!std::holds_alternative<TabulatedSchedule>(c.schedule.kind())) description.time_scale = 1000;
  if (c.prediction == Prediction::edm) {
    description.time_input = TimeInput::edm_noise;
    description.time_scale = 250;
  }
  if (c.prediction == Prediction::score) {
    description.time_input = TimeInput::relative_sigma;
    description.time_scale = 1;
  }
  return description;
}

/// Mean over levels of E |eps_network - eps_exact|², where eps = -sigma score has mean square 1 per component: the
/// squared distance of the scores in units of the noise (the integrand of the Fisher divergence times sigma²).
double distance(const NetworkPrior& network, const GaussianMixturePrior& exact) {
  std::vector<StreamKey> keys;
  for (std::uint64_t i = 0; i < 512; ++i) keys.push_back({i, 1});
  const at::Tensor x0 = exact.sample(Rng(5, "judge"), keys, at::kFloat);
  double sum = 0;
  int count = 0;
  for (const double r : {0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0}) {
    const NoiseLevel level{.alpha = 1, .sigma = r};
    const at::Tensor x_t = x0 + r * Rng(6, "judge").normal(keys, 0, {{2, 1, 1}, ScalarKind::real}, at::kFloat);
    const at::Tensor difference = network.epsilon(x_t, level) - exact.epsilon(x_t, level);
    sum += difference.square().mean().item<double>();
    ++count;
  }
  return sum / count;
}

struct Effort {
  std::int64_t steps, batch;
};

std::shared_ptr<const UNet2D> train_network(const Case& c, const Effort& effort) {
  NetworkOptions shape = test::one_level(64, 8);
  // A score network divides its output by the noise level (Song & Ermon 2020); diffusers' does with Fourier features.
  if (c.prediction == Prediction::score) shape.time_embedding = test::word("fourier");
  TrainingOptions options;
  options.steps = effort.steps;
  options.batch = effort.batch;
  options.flip = false;
  options.levels = c.levels;
  options.weighting = c.weighting;
  options.learning_rate = 3e-3;
  options.warmup = 50;
  options.ema = 0.99;
  options.checkpoint_every = options.validate_every = effort.steps;
  Trainer trainer({.description = description_of(c),
                   .network = test::one_level_network(shape, 2, 0, 1),
                   .images = draws_of(mixture(), 8192),
                   .validation = {}},
                  options);
  EXPECT_EQ(trainer.run({.state = test::scratch_folder() / "state", .fingerprint = "{}"}), TrainingOutcome::finished);
  return trainer.averaged_network();
}

double trained_distance(const Case& c, const Effort& effort) {
  return distance(NetworkPrior(description_of(c), train_network(c, effort)), mixture());
}

std::vector<Case> cases() {
  const auto vp = NoiseSchedule::vp_linear();
  return {{.prediction = Prediction::epsilon, .schedule = vp, .name = "noise"},
          {.prediction = Prediction::epsilon,
           .schedule = NoiseSchedule::vp_cosine(),
           .weighting = Weighting::min_snr,
           .name = "noise_min_snr_cosine"},
          {.prediction = Prediction::x0, .schedule = vp, .weighting = Weighting::min_snr, .name = "x0_min_snr"},
          {.prediction = Prediction::x0, .schedule = vp, .weighting = Weighting::snr, .name = "x0_snr"},
          {.prediction = Prediction::v, .schedule = vp, .name = "v"},
          {.prediction = Prediction::v, .schedule = NoiseSchedule(CosineContinuousSchedule{}), .name = "v_cosine"},
          {.prediction = Prediction::score,
           .schedule = NoiseSchedule(VeGeometricSchedule{.sigma_min = 0.02, .sigma_max = 10}),
           .name = "score_matching_ve"},
          {.prediction = Prediction::flow_to_noise, .schedule = NoiseSchedule(FlowSchedule{}), .name = "flow_to_noise"},
          {.prediction = Prediction::flow_to_data,
           .schedule = NoiseSchedule(FlowSchedule{}),
           .levels = LevelLaw::uniform_t,
           .name = "flow_to_data"},
          {.prediction = Prediction::edm,
           .schedule = NoiseSchedule(EdmRhoSchedule{}),
           .levels = LevelLaw::log_normal,
           .name = "edm_log_normal"}};
}

/// Images that are bright on the left and dark on the right, whose crops say so where they hold the edge.
TrainingImages bright_on_the_left(std::uint64_t stream) {
  return {64, [stream](std::int64_t index) {
            const at::Tensor noise = Rng(stream, "images")
                                         .normal({{static_cast<std::uint64_t>(index), 0}}, 0,
                                                 {{1, 16, 16}, ScalarKind::real}, at::kFloat)[0];
            const at::Tensor left = at::where(at::arange(16) < 8, at::full({16}, 0.8F), at::full({16}, -0.8F));
            return left + 0.1 * noise;
          }};
}

/// Mean squared error of whole images behind noise that hides them, after training on crops.
double error_behind_noise(bool with_positions) {
  NetworkPriorDescription description{.name = "halves",
                                      .domain = {.channels = 1, .fixed_size = {}, .multiple = 1},
                                      .schedule = NoiseSchedule::vp_linear(),
                                      .prediction = Prediction::v,
                                      .position_channels = with_positions};
  TrainingOptions options;
  options.steps = options.checkpoint_every = options.validate_every = 200;
  options.batch = 16;
  options.crop = 8;
  options.flip = false;
  options.levels = LevelLaw::log_uniform;
  options.learning_rate = 5e-3;
  options.warmup = 20;
  options.ema = 0.95;
  Trainer trainer(
      {.description = description,
       .network = test::one_level_network(test::one_level(16, 4), 1, with_positions ? kPositionChannels : 0, 1),
       .images = bright_on_the_left(1),
       .validation = {}},
      options);
  EXPECT_EQ(trainer.run({.state = test::scratch_folder() / "state", .fingerprint = "{}"}), TrainingOutcome::finished);
  const NetworkPrior prior(description, trainer.averaged_network());
  return denoising_table(prior, bright_on_the_left(2), 16, {20.0}, c10::kCPU).front().second;
}

TEST(TrainingOnCrops, KnowsThePlaceFromPositions) {
  EXPECT_LT(error_behind_noise(true), 0.1);
  EXPECT_GT(error_behind_noise(false), 0.3) << "of .64 for the mean of all crops";
}

/// One wrong factor in target, weight, input or conversion leaves more, as the misreadings below do.
class TrainingLearns : public testing::TestWithParam<Case> {};
TEST_P(TrainingLearns, TheScoreOfAMixture) {
  EXPECT_LT(trained_distance(GetParam(), {.steps = 500, .batch = 128}), 0.1);
}

/// What the distance is worth: networks that are read as something else than they were trained to be are far off.
TEST(TrainingLearns, SeesMisreadNetworks) {
  const Case trained{.prediction = Prediction::v, .schedule = NoiseSchedule::vp_linear(), .name = "v"};
  const auto network = train_network(trained, {.steps = 300, .batch = 128});
  const auto read_as = [&](const std::function<void(NetworkPriorDescription&)>& misread) {
    NetworkPriorDescription description = description_of(trained);
    misread(description);
    return distance(NetworkPrior(description, network), mixture());
  };
  EXPECT_LT(read_as([](auto&) {}), 0.1);
  EXPECT_GT(read_as([](auto& d) { d.prediction = Prediction::epsilon; }), 0.12);
  EXPECT_GT(read_as([](auto& d) { d.prediction = Prediction::flow_to_noise; }), 0.12);
  EXPECT_GT(read_as([](auto& d) { d.prediction = Prediction::x0; }), 0.12);
  EXPECT_GT(read_as([](auto& d) { d.input_scaling = InputScaling::edm; }), 0.12);
}

/// Longer, to the distance that is promised: the score is right to 14 % of the noise's (0.02 = 0.14²) or better.
class TrainingLearnsClosely : public testing::TestWithParam<Case> {};
TEST_P(TrainingLearnsClosely, TheScoreOfAMixtureMoreClosely) {
  const double reached = trained_distance(GetParam(), {.steps = 1500, .batch = 256});
  fmt::print("{}: mean squared distance of eps {:.4f}\n", GetParam().name, reached);
  EXPECT_LT(reached, 0.02);
}

const auto by_name = [](const auto& instance) { return instance.param.name; };
INSTANTIATE_TEST_SUITE_P(All, TrainingLearns, testing::ValuesIn(cases()), by_name);
INSTANTIATE_TEST_SUITE_P(Slow, TrainingLearnsClosely, testing::ValuesIn(cases()), by_name);

}  // namespace
}  // namespace recon
