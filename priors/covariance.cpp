#include "priors/covariance.h"

#include <ATen/ATen.h>

#include <utility>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr double kRounding = 1e-9;  ///< of the largest entry: what a covariance computed in double may be off by

void require_image(const Shape& image) {
  if (image.size() != 3) throw data_error("covariance", "expected an image [C, H, W], got {}", to_string(image));
}

}  // namespace

Covariance::Covariance(Form form, Shape image, const at::Tensor& eigenvalues)
    : form_(form),
      image_(std::move(image)),
      pixels_(TensorSpec{image_, ScalarKind::real}.numel()),
      eigenvalues_(eigenvalues.clamp_min(0)) {}

Covariance Covariance::isotropic(Shape image, double variance) {
  require_image(image);
  if (!(variance > 0)) throw data_error("covariance", "expected a variance > 0, got {}", variance);
  const std::int64_t pixels = TensorSpec{image, ScalarKind::real}.numel();
  return {Form::isotropic, std::move(image), at::full({pixels}, variance, at::kDouble)};
}

Covariance Covariance::full(Shape image, const at::Tensor& matrix) {
  require_image(image);
  const std::int64_t n = TensorSpec{image, ScalarKind::real}.numel();
  if (matrix.sizes() != at::IntArrayRef({n, n})) {
    throw data_error("covariance", "expected a matrix [{0}, {0}] for an image {1}, got {2}", n, to_string(image),
                     to_string(shape_of(matrix)));
  }
  const at::Tensor m = matrix.detach().to(at::kCPU, at::kDouble);
  const double largest = m.abs().max().item<double>();
  if ((m - m.t()).abs().max().item<double>() > kRounding * largest) {
    throw data_error("covariance", "expected a symmetric matrix; symmetrise it as (S + S^T) / 2");
  }
  const auto [values, vectors] = at::linalg_eigh(m);
  if (values.min().item<double>() < -kRounding * largest) {
    throw data_error("covariance", "expected no negative eigenvalue, got {:.3g} (largest {:.3g})",
                     values.min().item<double>(), values.max().item<double>());
  }
  Covariance covariance(Form::full, std::move(image), values);
  covariance.vectors_ = DeviceConstant(vectors);
  return covariance;
}

Covariance Covariance::stationary(const at::Tensor& power) {
  require_image(shape_of(power));
  const at::Tensor p = power.detach().to(at::kCPU, at::kDouble);
  const double largest = p.max().item<double>();
  if (!(p.min().item<double>() >= 0 && largest > 0)) {
    throw data_error("power spectrum", "expected values >= 0 and not all zero, got [{:.3g}, {:.3g}]",
                     p.min().item<double>(), largest);
  }
  const at::Tensor mirrored = p.flip({1, 2}).roll({1, 1}, {1, 2});  // p(-k), indices modulo H and W
  if ((p - mirrored).abs().max().item<double>() > kRounding * largest) {
    throw data_error("power spectrum",
                     "expected power(k) = power(-k) with the zero frequency first; "
                     "undo an fftshift or average both halves");
  }
  return {Form::stationary, shape_of(p), p};
}

at::Tensor Covariance::filter(const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& f) const {
  require(x, {image_, ScalarKind::real}, "covariance");
  const at::Tensor gain = f(eigenvalues_.like(x));
  switch (form_) {
    case Form::isotropic:
      return x * gain.reshape(image_);
    case Form::full: {
      const at::Tensor vectors = vectors_.like(x);
      return at::matmul(at::matmul(x.flatten(1), vectors) * gain, vectors.t()).view_as(x);
    }
    case Form::stationary:
      // power(k) = power(-k) keeps the inverse transform real up to rounding.
      return at::real(at::fft_ifft2(at::fft_fft2(x) * gain));
  }
  throw internal_error("covariance", "unnamed form {}", static_cast<int>(form_));
}

double Covariance::trace_of(const std::function<at::Tensor(const at::Tensor&)>& f) const {
  return f(eigenvalues_.value()).sum().item<double>();
}

at::Tensor Covariance::dense() const {
  Shape batch = image_;
  batch.insert(batch.begin(), pixels_);
  const at::Tensor basis = at::eye(pixels_, at::kDouble).view(batch);
  return filter(basis, [](const at::Tensor& l) { return l; }).flatten(1);
}

}  // namespace recon
