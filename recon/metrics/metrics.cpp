#include "recon/metrics/metrics.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr std::int64_t window = 11;
constexpr double window_sigma = 1.5, k1 = 0.01, k2 = 0.03;

void require_pair(const at::Tensor& x, const at::Tensor& truth, const char* where) {
  if (!x.defined() || !truth.defined() || x.dim() < 2 || x.sizes() != truth.sizes() ||
      x.is_complex() != truth.is_complex()) {
    const auto describe = [](const at::Tensor& t) { return t.defined() ? spec_of_item(t).to_string() : "nothing"; };
    throw internal_error(where, "expected two equal shapes, got {} and {}", describe(x), describe(truth));
  }
}

void require_range(double data_range, const char* where) {
  if (!(data_range > 0)) throw internal_error(where, "expected data_range > 0, got {}", data_range);
}

at::Tensor in_double(const at::Tensor& x) { return x.cpu().to(x.is_complex() ? at::kComplexDouble : at::kDouble); }

at::Tensor magnitude(const at::Tensor& x) { return x.is_complex() ? in_double(x).abs() : in_double(x); }

std::vector<double> to_vector(const at::Tensor& values) {
  const at::Tensor flat = values.to(at::kDouble).contiguous();
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

/// Gaussian average over the window, where it lies inside the image: [n, 1, H, W] -> [n, 1, H-10, W-10].
at::Tensor windowed(const at::Tensor& images) {
  const at::Tensor offset = at::arange(window, at::kDouble) - (window - 1) / 2.0;
  at::Tensor kernel = (-offset.square() / (2 * window_sigma * window_sigma)).exp();
  kernel = kernel / kernel.sum();
  return at::conv2d(at::conv2d(images, kernel.view({1, 1, window, 1})), kernel.view({1, 1, 1, window}));
}

}  // namespace

std::vector<double> psnr(const at::Tensor& x, const at::Tensor& truth, double data_range) {
  require_pair(x, truth, "psnr");
  require_range(data_range, "psnr");
  const at::Tensor mean_square = (magnitude(x) - magnitude(truth)).square().flatten(1).mean(1);
  return to_vector(10 * at::log10(data_range * data_range / mean_square));
}

std::vector<double> ssim(const at::Tensor& x, const at::Tensor& truth, double data_range) {
  require_pair(x, truth, "ssim");
  require_range(data_range, "ssim");
  if (x.dim() != 4 && x.dim() != 5) {
    throw internal_error("ssim", "expected [batch, C, H, W] or [batch, C, D, H, W], got rank {}", x.dim());
  }
  const std::int64_t batch = x.size(0);
  if (x.size(-2) < window || x.size(-1) < window) {
    return std::vector<double>(static_cast<std::size_t>(batch), std::numeric_limits<double>::quiet_NaN());
  }
  const auto planes = [&](const at::Tensor& t) { return magnitude(t).reshape({-1, 1, t.size(-2), t.size(-1)}); };
  const at::Tensor a = planes(x), b = planes(truth);
  const at::Tensor mean_a = windowed(a), mean_b = windowed(b);
  const at::Tensor variance_a = windowed(a * a) - mean_a * mean_a, variance_b = windowed(b * b) - mean_b * mean_b;
  const at::Tensor covariance = windowed(a * b) - mean_a * mean_b;
  const double c1 = std::pow(k1 * data_range, 2), c2 = std::pow(k2 * data_range, 2);
  const at::Tensor map = (2 * mean_a * mean_b + c1) * (2 * covariance + c2) /
                         ((mean_a * mean_a + mean_b * mean_b + c1) * (variance_a + variance_b + c2));
  return to_vector(map.reshape({batch, -1}).mean(1));
}

std::vector<double> nrmse(const at::Tensor& x, const at::Tensor& truth) {
  require_pair(x, truth, "nrmse");
  const at::Tensor reference = in_double(truth);
  const auto errors = to_vector(squared_norms(in_double(x) - reference)), sizes = to_vector(squared_norms(reference));
  std::vector<double> ratios;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    ratios.push_back(errors[i] == 0 ? 0.0 : std::sqrt(errors[i] / sizes[i]));
  }
  return ratios;
}

std::vector<double> reduced_chi2(const at::Tensor& residual, const at::Tensor& variance,
                                 std::int64_t measured_components) {
  if (!residual.defined() || residual.dim() < 2 || !variance.defined() || variance.is_complex()) {
    throw internal_error("reduced_chi2", "expected a residual [batch, range...] and a real variance");
  }
  if (variance.numel() == 1) {  // one level for all: a single pass
    const double level = variance.item<double>();
    if (level > 0) return to_vector(squared_norms(residual).cpu() / (level * static_cast<double>(measured_components)));
  }
  const at::Tensor r = in_double(residual);
  const at::Tensor squares = (r.is_complex() ? at::view_as_real(r.resolve_conj()).square().sum(-1) : r.square());
  const at::Tensor v = in_double(variance);
  const at::Tensor over_variance = at::where(v > 0, squares / v, std::numeric_limits<double>::quiet_NaN());
  return to_vector(over_variance.flatten(1).sum(1) / static_cast<double>(measured_components));
}

}  // namespace recon
