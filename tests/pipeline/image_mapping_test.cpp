// The map between the units and shapes of a file and those of solvers.
#include "recon/pipeline/solve/image_mapping.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/noise.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "recon/pipeline/items/operator_source.h"
#include "recon/pipeline/solve/samples.h"

namespace recon {
namespace {

const at::TensorOptions doubles = at::kDouble;

OperatorPtr make(const std::string& yaml, const TensorSpec& image) {
  return build_operator(parse_yaml(yaml, {.name = "test", .folder = {}}), "operator", image).op;
}

at::Tensor normal(const TensorSpec& spec, std::uint32_t step) {
  return Rng(5, "mapping test").normal({{1, 0}}, step, spec, doubles);
}

/// Largest difference over the largest value.
double relative_error(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

// FFTs and affine maps of some hundred values: a few roundings each, far below this.
constexpr double rounding = 1e-12;

/// An operator that is not linear, for the other branch of the map.
class Square final : public Operator {
 public:
  explicit Square(const TensorSpec& image) : Operator("square", image, image) {}

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return x * x; }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override { return 2 * x * v; }
};

struct Case {
  std::string op;
  TensorSpec image;
  ImageRange range;
  ImageDomain prior;
  ComplexImage complex_image = ComplexImage::none;
};

/// The residual of any solver image, mapped, is the residual in the file's units over the measurement's scale: so a
/// solver that fits the one fits the other, and chi² is the same.
void expect_same_residual(const Case& c, const OperatorPtr& op) {
  const ImageMapping mapping(c.image, c.range, &c.prior, c.complex_image, "test");
  const at::Tensor y = normal(op->range(), 0);
  ItemNoise noise;
  noise.std = 0.1;
  const Problem problem = make_problem(mapping, op, y, noise, {{1, 0}});
  const at::Tensor x = normal(mapping.solver_image(), 1);
  const at::Tensor mapped = problem.y - problem.op->apply(x);
  const at::Tensor in_file = y - op->apply(mapping.to_file(x));
  const double scale = noise.std / problem.noise_std[0];
  EXPECT_LT(relative_error(mapped * scale, in_file), rounding) << c.op;
}

TEST(ImageMapping, ResidualsAreThoseOfTheFileUpToTheScale) {
  const ImageDomain symmetric{.channels = 1, .fixed_size = {}, .multiple = 1, .low = -1, .high = 1};
  const ImageDomain lopsided{.channels = 3, .fixed_size = {}, .multiple = 4, .low = -0.5, .high = 2};
  const ImageDomain fixed{.channels = 1, .fixed_size = {16, 24}, .multiple = 1, .low = 0, .high = 1};
  const TensorSpec grey{{1, 12, 10}, ScalarKind::real}, rgb{{3, 10, 12}, ScalarKind::real},
      phase{{1, 12, 10}, ScalarKind::complex};
  const std::string fourier = "{type: fourier, acceleration: 2}", blur = "{type: blur, boundary: zero}";
  for (const Case& c : std::vector<Case>{{blur, grey, {0, 1}, symmetric},
                                         {blur, grey, {0, 1}, fixed},
                                         {blur, rgb, {-1000, 3000}, lopsided},
                                         {"{type: super_resolution, factor: 2}", rgb, {0, 255}, lopsided},
                                         {fourier, grey, {0, 1}, symmetric},
                                         {fourier, phase, {0, 2}, symmetric, ComplexImage::two_channels},
                                         {fourier, phase, {0, 1}, fixed, ComplexImage::two_channels}}) {
    expect_same_residual(c, make(c.op, c.image));
  }
  const Case nonlinear{"square", grey, {0, 3}, fixed};
  expect_same_residual(nonlinear, std::make_shared<Square>(grey));
}

TEST(ImageMapping, TheEndsOfTheRangesMeetAndNothingIsClipped) {
  const ImageDomain prior{.channels = 1, .fixed_size = {}, .multiple = 8, .low = -1, .high = 1};
  const ImageMapping mapping({{1, 9, 8}, ScalarKind::real}, {10, 20}, &prior, ComplexImage::none, "test");
  EXPECT_EQ(mapping.solver_image(), (TensorSpec{{1, 16, 8}, ScalarKind::real}));
  for (const auto& [solver, file] : std::vector<std::pair<double, double>>{{-1, 10}, {1, 20}, {3, 30}}) {
    const at::Tensor image = mapping.to_file(at::full({2, 1, 16, 8}, solver, doubles));
    EXPECT_EQ(image.sizes(), at::IntArrayRef({2, 1, 9, 8}));
    EXPECT_TRUE(at::allclose(image, at::full({2, 1, 9, 8}, file, doubles)));
  }
  EXPECT_TRUE(at::allclose(mapping.std_to_file(at::ones({1, 1, 16, 8}, doubles)), at::full({1, 1, 9, 8}, 5, doubles)));
}

// Nats have no unit of intensity, and a complex pixel has those of both parts.
TEST(ImageMapping, EnergiesAddUpAndHaveNoScale) {
  const ImageDomain prior{.channels = 1, .fixed_size = {}, .multiple = 8, .low = -1, .high = 1};
  const ImageMapping grey({{1, 9, 8}, ScalarKind::real}, {10, 20}, &prior, ComplexImage::none, "test");
  const at::Tensor cost = at::ones({1, 1, 16, 8}, doubles);
  EXPECT_TRUE(at::allclose(grey.energy_to_file(cost), at::ones({1, 1, 9, 8}, doubles)));
  const ImageMapping parts({{1, 9, 8}, ScalarKind::complex}, {10, 20}, &prior, ComplexImage::two_channels, "test");
  const at::Tensor both = at::cat({cost, 2 * cost}, 1);
  EXPECT_TRUE(at::allclose(parts.energy_to_file(both), at::full({1, 1, 9, 8}, 3, doubles)));
}

TEST(ImageMapping, WithoutAPriorNothingIsPaddedAndZeroStaysAtLow) {
  const ImageMapping mapping({{3, 9, 7}, ScalarKind::real}, {0, 1}, nullptr, ComplexImage::none, "test");
  EXPECT_FALSE(mapping.padded());
  EXPECT_EQ(mapping.scale(), 0.5);
  EXPECT_EQ(mapping.offset(), 0);
  const ImageMapping complex({{1, 9, 7}, ScalarKind::complex}, {0, 1}, nullptr, ComplexImage::none, "test");
  EXPECT_EQ(complex.solver_image().scalar, ScalarKind::complex);
}

TEST(ImageMapping, RefusesImagesThatThePriorCannotTakeSayingWhatToDo) {
  const auto message = [](const TensorSpec& image, const ImageDomain& prior) -> std::string {
    try {
      const ImageMapping mapping(image, {0, 1}, &prior, ComplexImage::none, "run.yaml:3");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message({{1, 8, 8}, ScalarKind::complex}, {}),
            "run.yaml:3: the image is complex and the prior is real: set complex_image to phase_from_centre, "
            "two_channels or magnitude");
  EXPECT_EQ(message({{1, 8, 8}, ScalarKind::real}, {.channels = 3, .fixed_size = {}}),
            "run.yaml:3: the prior has 3 channels, the images have 1; choose a prior with as many or with 1");
  EXPECT_EQ(message({{1, 40, 8}, ScalarKind::real}, {.channels = 1, .fixed_size = {32, 32}}),
            "run.yaml:3: the prior knows images up to 32 x 32 pixels only, these have 40 x 8; choose another prior");
}

TEST(ItemNoise, PoissonDataAreWhitenedToOneStandardDeviation) {
  const TensorSpec image{{1, 16, 16}, ScalarKind::real};
  const Noise noise{.type = NoiseType::poisson, .std = {}, .peak = 50};
  const at::Tensor truth = at::linspace(0.1, 1, 256, doubles).view({1, 1, 16, 16});
  const at::Tensor y = with_noise(noise, truth, Rng(1, "poisson"), {{1, 0}});
  const ItemNoise level = item_noise(noise, 0, y);
  const ImageDomain prior{.channels = 1, .fixed_size = {}};
  const ImageMapping mapping(image, {0, 1}, &prior, ComplexImage::none, "test");
  const OperatorPtr op = make("{type: identity}", image);
  const Problem problem = make_problem(mapping, op, y, level, sample_keys(1, 3, false));
  EXPECT_EQ(problem.batch(), 3);
  EXPECT_EQ(problem.keys[2].sample, 2U);
  const at::Tensor x = 2 * truth - 1;  // the truth in the units of the prior
  const at::Tensor residual = problem.y.narrow(0, 0, 1) - problem.op->apply(x);
  const double chi2 = (residual / problem.noise_std[0]).square().mean().item<double>();
  EXPECT_NEAR(chi2, 1,
              6 * std::sqrt(2.0 / 256));  // the variances are estimates from the data: a little more than 5 errors
  const double expected = ((y - truth).square() / level.variance).mean().item<double>();
  EXPECT_NEAR(chi2, expected, rounding * expected);
}

TEST(ItemNoise, ReadNoiseIsWhitenedWithThePhotons) {
  const at::Tensor y = at::linspace(0.1, 1, 9, doubles).view({1, 1, 3, 3});
  const ItemNoise level = item_noise({.type = NoiseType::poisson_gaussian, .std = {0.2}, .peak = 500}, 0, y);
  EXPECT_TRUE(at::allclose(level.variance, y / 500 + 0.04));
  EXPECT_TRUE(at::allclose(level.weights * level.variance.sqrt(), at::full_like(y, level.std)));
}

TEST(ItemNoise, GaussianAndNone) {
  const at::Tensor y = at::zeros({1, 4}, doubles);
  const ItemNoise two = item_noise({.type = NoiseType::gaussian, .std = {0.1, 0.2}, .peak = 0}, 1, y);
  EXPECT_EQ(two.std, 0.2);
  EXPECT_NEAR(two.variance.item<double>(), 0.04, 1e-15);
  EXPECT_FALSE(two.weights.defined());
  const ItemNoise none = item_noise({}, 0, y);
  EXPECT_EQ(none.std, 0);
  EXPECT_FALSE(none.variance.defined());
}

}  // namespace
}  // namespace recon
