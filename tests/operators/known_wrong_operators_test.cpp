// The laws are tested themselves: each operator here carries one mistake that public codes have made, and the law that
// is meant to catch it must do so, while the same operator without the mistake keeps all laws.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/diagnostics.h"
#include "operators/fourier/fft.h"
#include "recon/core/error.h"

namespace recon {
namespace {

using Map = std::function<at::Tensor(const at::Tensor&)>;

class Assembled final : public LinearOperator {
 public:
  struct Parts {
    TensorSpec domain, range;
    Map apply, adjoint;
    Map normal = {};
    std::optional<SpectralForm> form = {};
    at::Tensor measured = {};
  };
  explicit Assembled(Parts parts) : LinearOperator("assembled", parts.domain, parts.range), parts_(std::move(parts)) {}

  std::optional<SpectralForm> spectral() const override { return parts_.form; }
  at::Tensor support() const override { return parts_.measured; }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return parts_.apply(x); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return parts_.adjoint(y); }
  at::Tensor do_normal(const at::Tensor& x) const override {
    return parts_.normal ? parts_.normal(x) : parts_.adjoint(parts_.apply(x));
  }

  Parts parts_;
};

const TensorSpec real_image{{1, 16, 16}, ScalarKind::real};
const TensorSpec complex_image{{1, 16, 16}, ScalarKind::complex};
constexpr double pixels = 256;

at::Tensor half_mask() {
  const at::Tensor mask = at::zeros({16, 16}, at::kDouble);
  mask.slice(1, 0, std::nullopt, 2).fill_(1);
  mask.narrow(1, 5, 4).fill_(1);
  return mask;
}
at::Tensor masked(const at::Tensor& k) { return k * half_mask().to(real_dtype(k)); }

at::Tensor transfer() {
  const at::Tensor kernel = at::zeros({16, 16}, at::kDouble);
  kernel[0][0] = 0.5;
  kernel[0][1] = 0.3;  // not symmetric: its conjugate differs
  kernel[2][0] = 0.2;
  return rfft2(kernel);
}
at::Tensor filtered(const at::Tensor& x, const at::Tensor& multiplier) {
  return irfft2(rfft2(x) * multiplier.to(complex_dtype(x)) / pixels, 16);
}

/// Right: masked Fourier of a complex image.
Assembled::Parts fourier_parts() {
  return {.domain = complex_image,
          .range = complex_image,
          .apply = [](const at::Tensor& x) { return masked(fft2_centred(x)); },
          .adjoint = [](const at::Tensor& y) { return ifft2_centred(masked(y)); },
          .form = SpectralForm{.analyze = fft2_centred,
                               .synthesize = ifft2_centred,
                               .eigenvalues =
                                   [](const at::Tensor& like) {
                                     return half_mask().to(real_dtype(like)).view({1, 1, 16, 16});
                                   }},
          .measured = half_mask()};
}

/// Right: circular blur of a real image.
Assembled::Parts blur_parts() {
  return {.domain = real_image,
          .range = real_image,
          .apply = [](const at::Tensor& x) { return filtered(x, transfer()); },
          .adjoint = [](const at::Tensor& y) { return filtered(y, transfer().conj()); }};
}

const LawFinding& finding(const OperatorReport& report, const std::string& law) {
  for (const auto& candidate : report.findings) {
    if (candidate.law == law) return candidate;
  }
  throw internal_error("test", "no finding '{}'", law);
}

/// The law is broken by far more than rounding, in either precision.
void expect_broken(const Assembled::Parts& parts, const std::string& law) {
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    const auto broken = finding(check_operator(Assembled(parts), {.options = dtype}), law);
    EXPECT_GT(broken.error, 100 * broken.bound) << law;
    EXPECT_FALSE(broken.detail.empty());
  }
}

TEST(KnownWrongOperators, TheRightOnesKeepAllLaws) {
  for (const auto& parts : {fourier_parts(), blur_parts()}) {
    for (const auto dtype : {at::kDouble, at::kFloat}) {
      EXPECT_TRUE(check_operator(Assembled(parts), {.options = dtype}).all_hold());
    }
  }
}

TEST(KnownWrongOperators, MissingFactorIsFoundAndMeasured) {
  auto parts = blur_parts();
  parts.adjoint = [](const at::Tensor& y) { return irfft2(rfft2(y) * transfer().conj().to(complex_dtype(y)), 16); };
  expect_broken(parts, "adjoint");
  const auto report = check_operator(Assembled(parts));
  EXPECT_NEAR(report.adjoint_scale, pixels, 1e-9 * pixels);  // one factor explains it entirely: the missing 1/N
}

TEST(KnownWrongOperators, MissingConjugateIsFound) {
  auto parts = blur_parts();
  parts.adjoint = parts.apply;
  expect_broken(parts, "adjoint");
  expect_broken(parts, "derivative");
}

TEST(KnownWrongOperators, TransposeThatReturnsItsInputIsFound) {
  auto parts = blur_parts();
  parts.adjoint = [](const at::Tensor& y) { return y.clone(); };
  expect_broken(parts, "adjoint");
}

TEST(KnownWrongOperators, MaskAppliedOnceIsFound) {
  auto parts = fourier_parts();
  parts.adjoint = ifft2_centred;
  expect_broken(parts, "adjoint");
}

TEST(KnownWrongOperators, UnmaskedDataAreFound) {
  auto parts = fourier_parts();
  parts.apply = fft2_centred;
  expect_broken(parts, "support");
}

TEST(KnownWrongOperators, TransposedAxesAreFound) {
  auto parts = fourier_parts();
  parts.adjoint = [](const at::Tensor& y) { return ifft2_centred(masked(y)).transpose(-1, -2).contiguous(); };
  expect_broken(parts, "adjoint");
}

TEST(KnownWrongOperators, UncentredInverseIsFound) {
  auto parts = fourier_parts();
  parts.adjoint = [](const at::Tensor& y) { return at::fft_ifft2(masked(y), {}, {{-2, -1}}, "ortho"); };
  expect_broken(parts, "adjoint");
}

TEST(KnownWrongOperators, FasterNormalThatForgetsTheMaskIsFound) {
  auto parts = fourier_parts();
  parts.normal = [](const at::Tensor& x) { return x.clone(); };
  expect_broken(parts, "normal");
}

TEST(KnownWrongOperators, OffsetIsNotLinear) {
  auto parts = blur_parts();
  parts.apply = [](const at::Tensor& x) { return filtered(x, transfer()) + 0.5; };
  expect_broken(parts, "linearity");
}

TEST(KnownWrongOperators, FreshRandomKernelInEveryCallIsFound) {
  auto parts = blur_parts();
  parts.apply = [calls = std::make_shared<double>(0)](const at::Tensor& x) {
    *calls += 1;
    return filtered(x, transfer()) * (1 + 0.1 * std::sin(*calls));
  };
  expect_broken(parts, "linearity");
}

TEST(KnownWrongOperators, NormOverTheWholeBatchIsFound) {
  auto parts = blur_parts();
  parts.apply = [](const at::Tensor& x) { return filtered(x, transfer()) / x.square().sum().sqrt(); };
  expect_broken(parts, "batch");
}

TEST(KnownWrongOperators, OverwrittenArgumentIsFound) {
  auto parts = blur_parts();
  parts.apply = [](const at::Tensor& x) { return filtered(x.mul_(1.5), transfer()); };
  expect_broken(parts, "arguments");
}

TEST(KnownWrongOperators, ResultThatSharesMemoryIsFound) {
  auto parts = blur_parts();
  parts.apply = parts.adjoint = [](const at::Tensor& x) { return x; };
  expect_broken(parts, "arguments");
}

TEST(KnownWrongOperators, HalfPrecisionInsideIsFound) {
  auto parts = blur_parts();
  parts.apply = [](const at::Tensor& x) { return filtered(x.to(at::kHalf).to(x.scalar_type()), transfer()); };
  const auto lost = finding(check_operator(Assembled(parts), {.options = at::kFloat}), "linearity");
  EXPECT_FALSE(lost.holds());
}

TEST(KnownWrongOperators, SingularValuesForEigenvaluesAreFound) {
  auto parts = fourier_parts();
  parts.apply = [](const at::Tensor& x) { return masked(fft2_centred(x)) * 3; };
  parts.adjoint = [](const at::Tensor& y) { return ifft2_centred(masked(y)) * 3; };
  parts.form->eigenvalues = [](const at::Tensor& like) {
    return 3 * half_mask().to(real_dtype(like)).view({1, 1, 16, 16});  // 9 is right
  };
  expect_broken(parts, "spectrum");
}

TEST(KnownWrongOperators, BasisThatIsNotUnitaryIsFound) {
  auto parts = fourier_parts();
  parts.form->analyze = [](const at::Tensor& x) { return fft2_centred(x) * 2; };
  parts.form->synthesize = [](const at::Tensor& c) { return ifft2_centred(c) * 0.5; };
  expect_broken(parts, "isometry");
  parts.form->synthesize = ifft2_centred;
  expect_broken(parts, "synthesis");
}

/// y = x² + x, with the derivative 2 x + 1 or a wrong one.
class Quadratic final : public Operator {
 public:
  explicit Quadratic(double slope) : Operator("quadratic", real_image, real_image), slope_(slope) {}

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return x * x + x; }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override { return (slope_ * x + 1) * v; }
  double slope_;
};

TEST(KnownWrongOperators, WrongDerivativeOfANonlinearOneIsFound) {
  EXPECT_TRUE(check_operator(Quadratic(2)).all_hold());
  EXPECT_FALSE(finding(check_operator(Quadratic(1)), "derivative").holds());
  EXPECT_TRUE(check_operator(Quadratic(2), {.options = at::kFloat}).all_hold());
}

TEST(Diagnostics, NormsEqualThoseOfTheMatrix) {
  // Masked Fourier: singular values 1 and 0, ||A||_F² = 2 per sample of a complex image (real components).
  const Assembled op(fourier_parts());
  const double samples = half_mask().sum().item<double>();
  EXPECT_NEAR(largest_singular_value(op, 1, 20, at::kDouble).item<double>(), 1, 1e-9);
  const std::int64_t probes = 50;
  const double standard_error = std::sqrt(2 / (static_cast<double>(probes) * 2 * samples));
  const at::Tensor frobenius = frobenius_squared(op, 2, probes, at::kDouble);
  EXPECT_NEAR(frobenius[0].item<double>() / (2 * samples), 1, 4 * standard_error);
  EXPECT_EQ(frobenius[0].item<double>(), frobenius[1].item<double>());
  EXPECT_EQ(op.measured_components(), 2 * static_cast<std::int64_t>(samples));
}

}  // namespace
}  // namespace recon
