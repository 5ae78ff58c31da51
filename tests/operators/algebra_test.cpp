// Combinations: their values, their laws (also of those without a registered kind), their specs and supports.
#include "operators/algebra.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/diagnostics.h"
#include "operators/fourier/fourier.h"
#include "operators/identity.h"
#include "operators/inpainting/inpainting.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

const TensorSpec image{{1, 8, 10}, ScalarKind::real};

at::Tensor draw(const TensorSpec& spec, std::int64_t items = 1, std::uint32_t step = 0) {
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < items; ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
  return Rng(23, "algebra_test").normal(keys, step, spec, at::kDouble);
}

LinearOperatorPtr linear(const OperatorPtr& op) { return as_linear(op, "test"); }

LinearOperatorPtr some_mask(std::int64_t step) {
  const at::Tensor mask = (at::arange(80, at::kDouble).remainder(step) == 0).to(at::kDouble).view({8, 10});
  return make_inpainting(image, mask, "test");
}

/// y = x², elementwise.
class Square final : public Operator {
 public:
  Square() : Operator("square", image, image) {}

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return x * x; }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override { return 2 * x * v; }
};

std::string broken(const Operator& op) {
  std::string names;
  for (const auto& finding : check_operator(op).findings) {
    if (!finding.holds()) names += finding.law + " ";
  }
  return names;
}

// What spectral solvers need of an operator on a padded image: the laws of the form, for any two sizes.
TEST(Algebra, TheSpectralFormHoldsOnAPaddedImageForTwoHundredRandomSizes) {
  const std::vector<std::string> kinds = {
      R"({"type": "blur", "std_px": 0.7, "size_px": 3})", R"({"type": "fourier", "acceleration": 2})",
      R"({"type": "blur", "std_px": 0.5, "size_px": 3})", R"({"type": "super_resolution", "factor": 2})"};
  for (std::int64_t round = 0; round < 200; ++round) {
    const std::string& kind = kinds[static_cast<std::size_t>(round % 4)];
    const bool is_complex = round % 3 == 0 && round % 4 == 1;
    const ScalarKind scalar = is_complex ? ScalarKind::complex : ScalarKind::real;
    const std::int64_t height = 4 + 2 * (round % 7), width = 4 + 2 * (round % 5), channels = 1 + round % 2;
    const TensorSpec small{{channels, height, width}, scalar};
    const TensorSpec large{{channels, height + round % 4, width + round % 6}, scalar};
    const auto op = linear(compose(build_operator(kind, small), crop(large, small)));
    ASSERT_TRUE(op->spectral().has_value()) << op->name();
    EXPECT_EQ(broken(*op), "") << op->name();
    const SpectralForm form = *op->spectral();
    const at::Tensor x = draw(large, 2);
    EXPECT_TRUE(at::allclose(form.synthesize(form.analyze(x)), x, 0, 1e-10)) << op->name();
    EXPECT_TRUE(at::allclose(form.filter(x, [](const at::Tensor& e) { return e; }), op->normal(x), 0, 1e-10))
        << op->name();
  }
}

TEST(Algebra, CombinationsOfNonlinearOperatorsKeepTheirDerivatives) {
  const auto square = std::make_shared<Square>();
  const auto blur = build_operator(R"({"type": "blur", "std_px": 0.8})", image);
  const at::Tensor x = draw(image);
  for (const auto& op : {compose(square, blur), compose(blur, square), sum({square, blur}), stack({blur, square}),
                         scaled(square, -3), with_affine_input(square, 0.5, 0.5), with_affine_input(blur, 2, -1),
                         whitened(square, at::full({1, 1, 8, 10}, 0.5))}) {
    EXPECT_FALSE(op->is_linear()) << op->name();
    EXPECT_EQ(broken(*op), "") << op->name();
  }
  EXPECT_TRUE(at::allclose(sum({square, blur})->apply(x), x * x + blur->apply(x)));
  EXPECT_TRUE(at::allclose(with_affine_input(square, 0.5, 0.25)->apply(x), (0.5 * x + 0.25).square()));
  EXPECT_TRUE(at::allclose(compose(square, blur)->apply(x), blur->apply(x).square()));
}

TEST(Algebra, GradientIsThatOfHalfTheSquaredResidual) {
  const auto op = compose(std::make_shared<Square>(), build_operator(R"({"type": "blur"})", image));
  const at::Tensor x = draw(image);
  const at::Tensor y = draw(image, 1, 1);
  EXPECT_TRUE(at::allclose(op->gradient(x, y), op->vjp(x, op->apply(x) - y)));
}

TEST(Algebra, LinearCombinationsKeepTheLaws) {
  const TensorSpec complex_image{{1, 8, 10}, ScalarKind::complex};
  const auto fourier = make_fourier(complex_image, some_mask(3)->support()[0], "test");
  const at::Tensor weights = draw(image).abs() + 0.1;
  for (const auto& op : {linear(whitened(some_mask(2), weights)), adjoint_of(some_mask(3)), adjoint_of(fourier),
                         linear(with_affine_input(some_mask(2), 0.5, 0)), crop({{1, 13, 12}, ScalarKind::real}, image),
                         complex_from_parts(complex_image), linear(compose(fourier, complex_from_parts(complex_image))),
                         linear(stack({some_mask(2), scaled(make_identity(image), 2)}))}) {
    EXPECT_EQ(broken(*op), "") << op->name();
  }
}

TEST(Algebra, SpectralFormsSurviveScalingAndUnitaryPartners) {
  const TensorSpec complex_image{{1, 8, 10}, ScalarKind::complex};
  const auto fourier = make_fourier(complex_image, some_mask(3)->support()[0], "test");
  EXPECT_TRUE(linear(compose(fourier, complex_from_parts(complex_image)))->spectral().has_value());
  EXPECT_TRUE(linear(compose(make_fourier(complex_image, at::ones({8, 10}), "full"),
                             make_inpainting(complex_image, some_mask(2)->support(), "test")))
                  ->spectral()
                  .has_value());
  EXPECT_TRUE(linear(scaled(some_mask(2), 3))->spectral().has_value());
  EXPECT_TRUE(linear(with_affine_input(some_mask(2), 3, 0))->spectral().has_value());
  EXPECT_FALSE(linear(compose(some_mask(2), build_operator(R"({"type": "blur"})", image)))->spectral().has_value());
}

TEST(Algebra, WeightsMayDifferPerItem) {
  const at::Tensor weights = draw(image, 3).abs() + 0.5;
  const auto op = linear(whitened(make_identity(image), weights));
  const at::Tensor x = draw(image, 3, 1);
  EXPECT_TRUE(at::allclose(op->apply(x), weights * x));
  EXPECT_TRUE(at::allclose(op->adjoint(x), weights * x));
  EXPECT_TRUE(at::allclose(op->pseudo_inverse(op->apply(x), {.tolerance = 1e-10, .max_iterations = 200}), x, 1e-6));
  const at::Tensor frobenius = frobenius_squared(*op, 3, 400, at::kDouble);
  const at::Tensor exact = weights.square().sum({1, 2, 3});
  const at::Tensor standard_error = (2 * weights.pow(4).sum({1, 2, 3}) / 400).sqrt();
  EXPECT_TRUE(((frobenius - exact).abs() < 5 * standard_error).all().item<bool>());
}

TEST(Algebra, SupportsFollowTheMeasuredSide) {
  const auto mask = some_mask(4);  // 20 of 80
  const auto blur = build_operator(R"({"type": "blur"})", image);
  EXPECT_EQ(compose(mask, blur)->measured_components(), 20);
  EXPECT_EQ(compose(blur, mask)->measured_components(), 80);
  EXPECT_EQ(scaled(mask, 2)->measured_components(), 20);
  EXPECT_EQ(whitened(mask, at::ones({1, 1, 1, 1}))->measured_components(), 20);
  EXPECT_EQ(with_affine_input(mask, 2, 1)->measured_components(), 20);
  EXPECT_EQ(sum({mask, some_mask(2)})->measured_components(), 40);
  EXPECT_EQ(sum({mask, blur})->measured_components(), 80);
  EXPECT_EQ(stack({mask, some_mask(2)})->measured_components(), 60);
  EXPECT_EQ(stack({mask, blur})->measured_components(), 100);
  EXPECT_FALSE(stack({blur, blur})->support().defined());
}

TEST(Algebra, CropIsCentredTopLeftBiased) {
  const auto op = crop({{1, 5, 6}, ScalarKind::real}, {{1, 2, 2}, ScalarKind::real});
  const at::Tensor x = at::arange(30, at::kDouble).view({1, 1, 5, 6});
  EXPECT_TRUE(at::equal(op->apply(x).flatten(), at::tensor({8., 9., 14., 15.}, at::kDouble)));
}

template <class Make>
std::string message_of(ErrorKind kind, const Make& make) {
  try {
    make();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  return "no error";
}

TEST(Algebra, RefusesWhatDoesNotFit) {
  const auto small = make_identity({{1, 4, 4}, ScalarKind::real});
  const auto large = make_identity(image);
  const auto usage = ErrorKind::usage;
  EXPECT_NE(message_of(usage, [&] { return compose(small, large); }).find("expects real [1, 4, 4]"), std::string::npos);
  EXPECT_NE(message_of(usage, [&] { return sum({small, large}); }).find("all terms must map"), std::string::npos);
  EXPECT_NE(message_of(usage, [&] { return sum({}); }).find("at least one"), std::string::npos);
  EXPECT_NE(message_of(usage, [&] { return stack({small, large}); }).find("all parts must act on"), std::string::npos);
  EXPECT_NE(
      message_of(usage, [&] { return as_linear(std::make_shared<Square>(), "wiener"); }).find("wiener: needs a linear"),
      std::string::npos);
  const auto internal = ErrorKind::internal;
  EXPECT_NE(message_of(internal,
                       [&] {
                         return whitened(small, at::ones({4, 4}));
                       })
                .find("broadcast"),
            std::string::npos);
  EXPECT_NE(message_of(internal,
                       [&] {
                         return small->apply(at::ones({1, 1, 5, 4}));
                       })
                .find("identity.apply"),
            std::string::npos);
  EXPECT_NE(message_of(internal,
                       [&] {
                         return small->adjoint(at::ones({4, 4}));
                       })
                .find("identity.adjoint"),
            std::string::npos);
  EXPECT_NE(message_of(internal,
                       [&] {
                         return small->solve_shifted(at::ones({2, 1, 4, 4}), at::zeros({2}, at::kDouble));
                       })
                .find("positive shift"),
            std::string::npos);
}

TEST(Registry, NamesAreSortedAndEveryExampleParses) {
  std::string previous;
  for (const auto& kind : operator_kinds()) {
    EXPECT_LT(previous, kind.name);
    previous = kind.name;
    EXPECT_FALSE(kind.examples.empty()) << kind.name;
    EXPECT_FALSE(kind.summary.empty()) << kind.name;
  }
}

TEST(Registry, NamesTheNearestKind) {
  const auto message = [](const std::string& json) {
    return message_of(ErrorKind::usage, [&] { return build_operator(json, image); });
  };
  EXPECT_NE(message(R"({"type": "bluur"})").find("did you mean 'blur'"), std::string::npos);
  EXPECT_NE(message(R"({"type": "in-painting"})").find("did you mean 'inpainting'"), std::string::npos);
  EXPECT_NE(message(R"({})").find("needs a `type`"), std::string::npos);
  EXPECT_NE(message(R"({"type": "stack"})").find("non-empty list"), std::string::npos);
  EXPECT_NE(
      message(R"({"type": "scale", "operators": [{"type": "identity"}, {"type": "blur"}]})").find("takes one operator"),
      std::string::npos);
  EXPECT_NE(message(R"({"type": "sum", "operators": [{"type": "identity", "typo": 1}]})").find("unknown key 'typo'"),
            std::string::npos);
}

}  // namespace
}  // namespace recon
