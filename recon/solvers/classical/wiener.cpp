#include "recon/solvers/classical/wiener.h"

#include <ATen/ATen.h>

#include <cmath>

#include "operators/unsuitable_operator.h"
#include "recon/solvers/classical/discrepancy.h"
#include "recon/solvers/classical/image_statistics.h"
#include "recon/solvers/context.h"

namespace recon {
namespace {

at::Tensor circular_laplacian(const at::Tensor& x) {
  const at::Tensor within =
      4 * x - at::roll(x, {1}, {-1}) - at::roll(x, {-1}, {-1}) - at::roll(x, {1}, {-2}) - at::roll(x, {-1}, {-2});
  if (x.dim() < 5) return within;
  return within + 2 * x - at::roll(x, {1}, {-3}) - at::roll(x, {-1}, {-3});
}

/// The axes of images [batch, C, H, W] or volumes [batch, C, D, H, W] that lie in space.
std::vector<std::int64_t> spatial_axes(const at::Tensor& x) {
  return x.dim() < 5 ? std::vector<std::int64_t>{-2, -1} : std::vector<std::int64_t>{-3, -2, -1};
}

/// The eigenvalues d of the circular Laplacian in the operator's eigenbasis V, or empty if V does not diagonalise it.
///
/// An operator does not say in which layout its coefficients are, but a point image has equally large coefficients in
/// every Fourier layout, so d is the ratio of its coefficients after and before the Laplacian. A second image, of
/// random pixels, decides whether V is such a basis.
std::optional<at::Tensor> laplacian_eigenvalues(const SpectralForm& form, const TensorSpec& image,
                                                const at::TensorOptions& like) {
  Shape batched = image.shape;
  batched.insert(batched.begin(), 1);
  at::Tensor point = at::zeros(batched, like);
  point.flatten(2).select(-1, 0).fill_(1);
  const at::Tensor before = form.analyze(point), after = form.analyze(circular_laplacian(point));
  if (before.abs().min().item<double>() <= 0) return std::nullopt;
  const at::Tensor ratio = after / before;
  const at::Tensor d = (ratio.is_complex() ? at::real(ratio) : ratio).clamp_min(0);
  const at::Tensor probe = Rng(0, "wiener probe").normal({{0, 0}}, 0, image, like);
  const at::Tensor expected = form.analyze(circular_laplacian(probe));
  const at::Tensor error = expected - d * form.analyze(probe);
  constexpr double kRounding = 1e-4;  // single precision; a wrong basis errs by order 1
  const bool diagonal =
      squared_norms(error).item<double>() < kRounding * kRounding * squared_norms(expected).item<double>();
  return diagonal ? std::optional(d) : std::nullopt;
}

/// The unitary DFT of each channel as a spectral form with constant eigenvalues, of `axes` axes with the batch.
SpectralForm fourier_form(double eigenvalue, bool real_image, std::size_t axes) {
  return {.analyze = [](const at::Tensor& x) { return at::fft_fftn(x, {}, spatial_axes(x), "ortho"); },
          .synthesize =
              [real_image](const at::Tensor& c) {
                const at::Tensor x = at::fft_ifftn(c, {}, spatial_axes(c), "ortho");
                return real_image ? at::real(x).contiguous() : x;
              },
          .eigenvalues =
              [eigenvalue, axes](const at::Tensor& like) {
                return at::full(Shape(axes, 1), eigenvalue, like.options().dtype(real_dtype(like)));
              }};
}

/// The operator's spectral form; the Fourier one if A^H A is a multiple of the identity, of which every basis is an
/// eigenbasis (denoising).
std::optional<SpectralForm> preferred_form(const LinearOperator& op, const at::TensorOptions& like) {
  const std::optional<SpectralForm> form = op.spectral();
  if (!form) return std::nullopt;
  const at::Tensor l = form->eigenvalues(at::zeros({1}, like));
  const double low = l.min().item<double>(), high = l.max().item<double>();
  return high - low <= 1e-6 * high
             ? fourier_form(high, op.domain().scalar == ScalarKind::real, op.domain().shape.size() + 1)
             : form;
}

}  // namespace

void Wiener::visit(ParameterVisitor& v) {
  v.field("weight", weight, "noise-to-signal power; found by chi² = 1 when absent", {.min = 0, .open_min = true});
  v.choice("spectrum", spectrum, "power spectrum of the signal");
}

at::Tensor Wiener::run(SolverContext& context) const {
  const LinearOperatorPtr op = as_linear(context.problem().op, "solver wiener");
  const std::string location = "solver wiener";
  const at::TensorOptions like = context.image_options();
  const std::optional<SpectralForm> form = preferred_form(*op, like);
  if (!form) {
    throw UnsuitableOperator(location, "expected an operator with a spectral form, got {}; use tikhonov_cg or tv_pdhg",
                             op->name());
  }
  const bool flat = spectrum == Spectrum::flat;
  const std::optional<at::Tensor> inverse_power =
      flat ? at::ones({1}, like.dtype(real_dtype(context.y()))) : laplacian_eigenvalues(*form, op->domain(), like);
  if (!inverse_power) {
    throw UnsuitableOperator(location,
                             "spectrum inverse_square needs Fourier eigenvectors, which {} has not; "
                             "use tikhonov_cg, tv_pdhg or spectrum: flat",
                             op->name());
  }
  const at::Tensor back_projected = context.operate([&] { return op->adjoint(context.y()); });
  const at::Tensor coefficients = form->analyze(back_projected), l = form->eigenvalues(back_projected);
  const auto solve = [&](const at::Tensor& weights, const at::Tensor&) {
    const at::Tensor denominator = l + per_item(weights, l) * *inverse_power;
    const at::Tensor gain = at::where(denominator > 0, denominator.reciprocal(), at::zeros_like(denominator));
    return context.operate([&] { return form->synthesize(gain * coefficients); });
  };
  const double noise_free = 1e-6 * l.max().item<double>();
  return solve_at_discrepancy(context, weight, {solve, 1 / (flat ? kPixelVariance : kDifferenceVariance), noise_free});
}

}  // namespace recon
