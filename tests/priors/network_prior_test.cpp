#include "priors/network_prior.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <limits>

#include "priors/load_prior.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

at::Tensor normal(const Shape& shape, std::uint32_t step = 0, at::ScalarType dtype = at::kFloat) {
  return Rng(3, "test").normal({{0, 0}}, step, {shape, ScalarKind::real}, dtype)[0];
}

/// A network that returns a known function of what it is given and writes down the times it was given.
class Probe final : public Network {
 public:
  Probe(std::int64_t in, std::int64_t out, std::function<at::Tensor(const at::Tensor&)> f)
      : in_(in), out_(out), f_(std::move(f)) {
    parameters_.push_back({"weight", at::ones({1})});
  }
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t) const override {
    seen_time = t[0].item<double>();
    seen_input = x.detach();
    return f_(x);
  }
  std::int64_t in_channels() const override { return in_; }
  std::int64_t out_channels() const override { return out_; }
  std::int64_t size_multiple() const override { return 2; }
  std::shared_ptr<const Network> to(c10::Device) const override { throw internal_error("Probe", "one device only"); }

  mutable double seen_time = -1;
  mutable at::Tensor seen_input;

 private:
  std::int64_t in_, out_;
  std::function<at::Tensor(const at::Tensor&)> f_;
};

NetworkPriorDescription description(std::int64_t block = 1) {
  return {.name = "probe",
          .domain = {.channels = 1, .fixed_size = {}, .multiple = 2 * block},
          .schedule = NoiseSchedule::vp_linear(),
          .space_to_depth = block,
          .denoising_mse = {}};
}

TEST(NetworkPrior, TellsTheNetworkTheFractionalTimeOfTheSameRelativeSigma) {
  const auto probe = std::make_shared<const Probe>(1, 1, [](const at::Tensor& x) { return x * 0; });
  const NetworkPrior prior(description(), probe);
  const NoiseSchedule schedule = NoiseSchedule::vp_linear();
  const at::Tensor x = normal({1, 1, 4, 4});
  for (const double t : {0.0, 10.0, 431.25, 999.0}) {
    const double r = schedule.at(t).relative_sigma();
    // Any process with that relative sigma: here alpha = 3.
    const at::Tensor x0 = prior.denoise(x, {.alpha = 3, .sigma = 3 * r});
    EXPECT_NEAR(probe->seen_time, t, 1e-4);  // float32 times near 1000 are 6e-5 apart
    const double alpha = schedule.at(t).alpha;
    EXPECT_TRUE(at::allclose(probe->seen_input, x * (alpha / 3), 1e-6, 1e-7));
    EXPECT_TRUE(at::allclose(x0, x / 3, 1e-6, 1e-7));  // predicted noise 0
  }
  // Below the cleanest level of training the network is given that level, the conversion uses the true one.
  prior.denoise(x, {.alpha = 1, .sigma = 1e-4});
  EXPECT_EQ(probe->seen_time, 0);
}

TEST(NetworkPrior, TellsTheRelativeSigmaWhenTheCardSaysSo) {
  auto options = description();
  options.time_input = TimeInput::relative_sigma;
  const auto probe = std::make_shared<const Probe>(1, 1, [](const at::Tensor& x) { return x * 0; });
  NetworkPrior(options, probe).denoise(normal({1, 1, 4, 4}), {.alpha = 0.5, .sigma = 1.5});
  EXPECT_FLOAT_EQ(static_cast<float>(probe->seen_time), 3);
}

TEST(NetworkPrior, SpaceToDepthIsPixelUnshuffle) {
  auto options = description(2);
  options.prediction = Prediction::x0;
  // Keeps the first of the four channels: the top left pixel of each 2x2 block, nothing else.
  const auto first = std::make_shared<const Probe>(4, 4, [](const at::Tensor& x) {
    return x * at::tensor({1.0F, 0.0F, 0.0F, 0.0F}).reshape({1, 4, 1, 1});
  });
  const NetworkPrior prior(options, first);
  const at::Tensor x = normal({1, 1, 8, 4});
  const at::Tensor x0 = prior.denoise(x, {.alpha = 1, .sigma = 1});
  const double alpha = prior.schedule().at(prior.schedule().time_of(1)).alpha;
  at::Tensor expected = at::zeros_like(x);
  for (std::int64_t i = 0; i < 8; i += 2) {
    for (std::int64_t j = 0; j < 4; j += 2) expected[0][0][i][j] = x[0][0][i][j] * alpha;
  }
  EXPECT_TRUE(at::allclose(x0, expected, 1e-6, 1e-7));
  EXPECT_FALSE(at::allclose(x0, expected.transpose(2, 3).reshape({1, 1, 8, 4}), 1e-6, 1e-7));
}

TEST(NetworkPrior, TurnsTheChannelsOfImagesRoundForBgrNetworks) {
  auto options = description(2);
  options.domain.channels = 3;
  options.prediction = Prediction::x0;
  options.bgr = true;
  options.learned_variance = true;
  // Keeps the first image channel it sees (four of its own), and says 0.5 of that channel's variance.
  const auto first = std::make_shared<const Probe>(12, 24, [](const at::Tensor& x) {
    const at::Tensor mask = at::cat({at::ones({1, 4, 1, 1}), at::zeros({1, 8, 1, 1})}, 1);
    return at::cat({x * mask, (0.5 * mask).expand_as(x)}, 1);
  });
  const NetworkPrior prior(options, first);
  const at::Tensor x = normal({1, 3, 4, 4});
  const DenoisedWithVariance got = prior.denoise_with_variance(x, {.alpha = 1, .sigma = 1});
  const double alpha = prior.schedule().at(prior.schedule().time_of(1)).alpha;
  const at::Tensor last = at::tensor({0.0F, 0.0F, 1.0F}).reshape({1, 3, 1, 1});
  EXPECT_TRUE(at::allclose(got.x0, x * last * alpha, 1e-6, 1e-7));
  EXPECT_TRUE(at::allclose(got.variance_fraction, ((0.5 * last + 1) / 2).expand_as(x)));
  EXPECT_TRUE(at::equal(prior.denoise(x, {.alpha = 1, .sigma = 1}), got.x0));
}

TEST(NetworkPrior, TellsTheNetworkWhereItsPixelsLie) {
  auto options = description(2);
  options.position_channels = true;
  const auto probe = std::make_shared<const Probe>(6, 4, [](const at::Tensor& x) { return x.narrow(1, 0, 4) * 0; });
  const NetworkPrior prior(options, probe);
  const NoiseLevel level{.alpha = 1, .sigma = 1};
  for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{8, 12}, {16, 4}}) {
    prior.denoise(normal({2, 1, height, width}), level);
    const at::Tensor expected = positions({{.height = height, .width = width}}, height, width, 2, at::kFloat);
    for (const std::int64_t i : {0, 1}) EXPECT_TRUE(probe->seen_input[i].narrow(0, 4, 2).equal(expected[0]));
  }
  const std::vector<ImagePlace> places{{.top = 4, .left = 2, .height = 20, .width = 12},
                                       {.top = 12, .left = 8, .height = 20, .width = 12}};
  const PriorPtr parts = prior.of_parts(places);
  parts->denoise(normal({2, 1, 8, 4}), level);
  EXPECT_TRUE(probe->seen_input.narrow(1, 4, 2).equal(positions(places, 8, 4, 2, at::kFloat)));
  EXPECT_THROW(parts->denoise(normal({3, 1, 8, 4}), level), Error) << "one place for each image";
  options.position_channels = false;
  EXPECT_THROW(NetworkPrior(options, probe), Error);
  const auto plain = std::make_shared<const Probe>(4, 4, [](const at::Tensor& x) { return x; });
  EXPECT_EQ(NetworkPrior(options, plain).of_parts(places), nullptr);
}

TEST(NetworkPrior, LeavesOutALearnedVariance) {
  auto options = description();
  options.prediction = Prediction::x0;
  options.learned_variance = true;
  const auto both = std::make_shared<const Probe>(1, 2, [](const at::Tensor& x) { return at::cat({x, 7 + x}, 1); });
  const at::Tensor x0 = NetworkPrior(options, both).denoise(normal({2, 1, 4, 4}), {.alpha = 1, .sigma = 1});
  EXPECT_EQ(x0.sizes(), (at::IntArrayRef{2, 1, 4, 4}));
  EXPECT_LT(x0.abs().max().item<double>(), 6);
  options.learned_variance = false;
  EXPECT_THROW(NetworkPrior(options, both), Error);
}

TEST(NetworkPrior, ReadsALearnedVariance) {
  auto options = description(2);
  options.prediction = Prediction::x0;
  options.learned_variance = true;
  // The halves come before the blocks: channels 0..3 are the image's pixels, 4..7 the variance's.
  const auto both = std::make_shared<const Probe>(4, 8, [](const at::Tensor& x) { return at::cat({x, 0.5 - x}, 1); });
  const NetworkPrior prior(options, both);
  const at::Tensor x = normal({2, 1, 8, 4});
  const NoiseLevel level{1, 1};
  const DenoisedWithVariance got = prior.denoise_with_variance(x, level);
  EXPECT_TRUE(prior.learns_variance());
  EXPECT_TRUE(at::equal(got.x0, prior.denoise(x, level)));
  EXPECT_TRUE(at::allclose(got.variance_fraction, (1.5 - got.x0) / 2, 1e-6, 1e-6));
  options.learned_variance = false;
  const auto one = std::make_shared<const Probe>(4, 4, [](const at::Tensor& z) { return z; });
  EXPECT_THROW(NetworkPrior(options, one).denoise_with_variance(x, level), Error);
}

TEST(NetworkPrior, InterpolatesTheErrorTableLogLog) {
  auto options = description();
  options.denoising_mse = {{0.1, 1e-3}, {1, 1e-1}, {10, 1e-1}};
  options.max_relative_sigma = 20;
  const auto probe = std::make_shared<const Probe>(1, 1, [](const at::Tensor& x) { return x; });
  const NetworkPrior prior(options, probe);
  EXPECT_DOUBLE_EQ(prior.denoising_mse(0.01), 1e-3);
  EXPECT_NEAR(prior.denoising_mse(std::sqrt(0.1)), 1e-2, 1e-15);
  EXPECT_DOUBLE_EQ(prior.denoising_mse(1), 1e-1);
  EXPECT_DOUBLE_EQ(prior.denoising_mse(100), 1e-1);
  EXPECT_DOUBLE_EQ(prior.max_relative_sigma(), 20);
  EXPECT_EQ(NetworkPrior(description(), probe).denoising_mse(1), 0);
}

TEST(NetworkPrior, RefusesDescriptionsThatDoNotFitTheNetwork) {
  const auto probe = std::make_shared<const Probe>(4, 4, [](const at::Tensor& x) { return x; });
  EXPECT_THROW(NetworkPrior(description(1), probe), Error);  // 1 channel, the network has 4
  auto odd = description(2);
  odd.domain.multiple = 6;
  EXPECT_THROW(NetworkPrior(odd, probe), Error);
  auto size = description(2);
  size.domain.fixed_size = {8, 10};
  EXPECT_THROW(NetworkPrior(size, probe), Error);
  EXPECT_NO_THROW(NetworkPrior(description(2), probe));
}

// The embedded prior, loaded once.
const Prior& natural_gray() {
  static const PriorPtr prior = load_prior("natural_gray");
  return *prior;
}

TEST(EmbeddedPrior, IsWhatItsCardSays) {
  for (const char* name : {"natural_gray", "brain_mri"}) {
    const PriorPtr prior = load_prior(name);
    EXPECT_EQ(prior->name(), name);
    EXPECT_EQ(prior->domain().channels, 1);
    EXPECT_EQ(prior->domain().multiple, 8);
    EXPECT_TRUE(prior->domain().fixed_size.empty());
    EXPECT_EQ(prior->domain().low, -1);
    EXPECT_EQ(prior->domain().high, 1);
    EXPECT_EQ(prior->schedule().name(), "vp_linear");
    EXPECT_GT(prior->max_relative_sigma(), 157);  // v prediction is of use at every level
    const PriorSummary summary = inspect_prior(name);
    EXPECT_EQ(summary.parameters, 4'173'636);
    EXPECT_EQ(summary.weight_types, "F16");
    EXPECT_EQ(summary.description.space_to_depth, 2);
    EXPECT_EQ(summary.description.prediction, Prediction::v);
    EXPECT_EQ(summary.description.denoising_mse.size(), 16U);
    const auto names = embedded_priors();
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end());
  }
}

/// Smooth stripes with an edge, [1, 1, 64, 64] in [-0.8, 0.8].
at::Tensor picture() {
  const at::Tensor i = at::arange(64, at::kFloat);
  const at::Tensor stripes = 0.4 * (i.unsqueeze(1) / 7 + i / 11).sin();
  return (stripes + 0.4 * (i > 30).to(at::kFloat) - 0.2).reshape({1, 1, 64, 64});
}

TEST(EmbeddedPrior, RemovesNoise) {
  const at::Tensor clean = picture();
  for (const double sigma : {0.1, 0.5, 2.0}) {
    const at::Tensor noisy = clean + sigma * normal({1, 1, 64, 64});
    const double error =
        (natural_gray().denoise(noisy, {.alpha = 1, .sigma = sigma}) - clean).square().mean().item<double>();
    // An easier picture than photographs: less than the card's error; a wrong channel order or time is 10 times above.
    EXPECT_LT(error, natural_gray().denoising_mse(sigma)) << "at sigma " << sigma;
  }
}

TEST(EmbeddedPrior, DependsOnTheRelativeSigmaOnly) {
  const at::Tensor noisy = picture() + 0.5 * normal({1, 1, 64, 64});
  const at::Tensor ve = natural_gray().denoise(noisy, {.alpha = 1, .sigma = 0.5});
  const at::Tensor scaled = natural_gray().denoise(0.3 * noisy, {.alpha = 0.3, .sigma = 0.15});
  EXPECT_LT((ve - scaled).abs().max().item<double>(), 1e-5);  // rounding of 0.3 x, amplified by ~20 layers
}

TEST(EmbeddedPrior, AnItemDoesNotDependOnItsBatch) {
  const at::Tensor two = at::cat({picture(), picture().flip(3)}) + 0.3 * normal({2, 1, 64, 64});
  const NoiseLevel level{.alpha = 1, .sigma = 0.3};
  const at::Tensor together = natural_gray().denoise(two, level);
  const at::Tensor alone = natural_gray().denoise(two.narrow(0, 1, 1), level);
  EXPECT_LT((together[1] - alone[0]).abs().max().item<double>(), 1e-5);
}

TEST(EmbeddedPrior, PullbackIsTheDerivative) {
  const at::Tensor x = picture() + 0.5 * normal({1, 1, 64, 64});
  const NoiseLevel level{.alpha = 1, .sigma = 0.5};
  const at::Tensor v = normal({1, 1, 64, 64}, 1), d = normal({1, 1, 64, 64}, 2);
  const Linearized at_x = natural_gray().linearize(x, level);
  EXPECT_FALSE(at_x.x0.requires_grad());
  const double predicted = real_inner(at_x.pullback(v), d).item<double>();
  // Central difference, step h: truncation ~h², rounding of <D, v> ~ 64 * 1e-6 / h. At h = 1e-2 both are < 1 % of it.
  const double h = 1e-2;
  const at::Tensor slope =
      (natural_gray().denoise(x + h * d, level) - natural_gray().denoise(x - h * d, level)) / (2 * h);
  const double measured = real_inner(slope, v).item<double>();
  const double scale = (squared_norms(slope) * squared_norms(v)).sqrt().item<double>();
  EXPECT_NEAR(predicted, measured, 1e-2 * scale / 8);
}

/// In bfloat16 it is the same denoiser to a hundredth of its error, and its pullback the same to a hundredth.
TEST(EmbeddedPrior, IsTheSameInBfloat16ToAHundredth) {
  const PriorPtr reduced = load_prior("natural_gray", Precision::bfloat16);
  const at::Tensor clean = picture();
  for (const double sigma : {0.02, 0.1, 0.5, 2.0}) {
    const at::Tensor noisy = clean + sigma * normal({1, 1, 64, 64}), v = normal({1, 1, 64, 64}, 1);
    const NoiseLevel level{.alpha = 1, .sigma = sigma};
    const Linearized in_float32 = natural_gray().linearize(noisy, level),
                     in_bfloat16 = reduced->linearize(noisy, level);
    EXPECT_EQ(in_bfloat16.x0.scalar_type(), at::kFloat);
    const double moved = (in_bfloat16.x0 - in_float32.x0).square().mean().item<double>();
    EXPECT_GT(moved, 0) << "it does compute in another precision";
    EXPECT_LT(moved, 0.01 * natural_gray().denoising_mse(sigma)) << sigma;
    const at::Tensor gradient = in_float32.pullback(v);
    const double turned =
        ((in_bfloat16.pullback(v) - gradient).square().sum() / gradient.square().sum()).item<double>();
    EXPECT_LT(std::sqrt(turned), 0.03) << sigma;
  }
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU)) << "the scope has ended";
}

TEST(EmbeddedPrior, KeepsThePrecisionOfItsInput) {
  const at::Tensor x = picture().to(at::kDouble);
  const at::Tensor x0 = natural_gray().denoise(x, {.alpha = 1, .sigma = 0.2});
  EXPECT_EQ(x0.scalar_type(), at::kDouble);
  const at::Tensor single = natural_gray().denoise(x.to(at::kFloat), {.alpha = 1, .sigma = 0.2});
  EXPECT_LT((x0 - single).abs().max().item<double>(), 1e-5);
}

TEST(FindPrior, NamesWhatThereIs) {
  try {
    find_prior("no_such_prior");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("natural_gray"), std::string::npos);
  }
  EXPECT_THROW(load_prior("/no/such/folder"), Error);
  EXPECT_THROW(load_prior(""), Error);
}

}  // namespace
}  // namespace recon
