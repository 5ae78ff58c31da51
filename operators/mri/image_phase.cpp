#include "operators/mri/image_phase.h"

#include <ATen/ATen.h>

#include "operators/algebra.h"
#include "operators/fourier/fft.h"
#include "operators/mri/seen_pixels.h"
#include "recon/core/device_constant.h"
#include "recon/core/error.h"

namespace recon {
namespace {

class PhaseFactor final : public LinearOperator {
 public:
  PhaseFactor(const TensorSpec& image, const at::Tensor& phase)
      : LinearOperator("phase", {image.shape, ScalarKind::real}, image),
        factor_(at::polar(at::ones_like(phase, at::kDouble), phase.to(at::kCPU, at::kDouble))) {}

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return factor_.like(x) * x; }
  at::Tensor do_adjoint(const at::Tensor& y) const override {
    return at::real(factor_.like(y).conj() * y).contiguous();
  }

  DeviceConstant factor_;
};

/// Hann window around n / 2, zero from `half_width` n on.
at::Tensor hann(std::int64_t n, double half_width) {
  const at::Tensor u =
      (at::arange(n, at::kDouble) - static_cast<double>(n / 2)) / (half_width * static_cast<double>(n));
  return at::where(u.abs() < 1, 0.5 + 0.5 * at::cos(M_PI * u), at::zeros_like(u));
}

}  // namespace

at::Tensor low_resolution_phase(const OperatorPtr& op, const at::Tensor& y, double half_width) {
  const LinearOperatorPtr linear = as_linear(op, "complex_image phase_from_centre");
  if (op->domain().scalar != ScalarKind::complex) {
    throw usage_error("complex_image phase_from_centre", "expected a complex image, got {}", op->domain().to_string());
  }
  const at::Tensor spectrum = fft2_centred(linear->adjoint(y));
  const at::Tensor window = hann(spectrum.size(-2), half_width).unsqueeze(1) * hann(spectrum.size(-1), half_width);
  return ifft2_centred(spectrum * window.to(y.device(), real_dtype(y))).angle();
}

OperatorPtr with_phase(const OperatorPtr& op, const at::Tensor& phase) {
  const OperatorPtr real = compose(op, std::make_shared<PhaseFactor>(op->domain(), phase));
  const at::Tensor seen = seen_pixels(*op);
  return seen.defined() ? with_seen_pixels(as_linear(real, "complex_image phase_from_centre"), seen) : real;
}

}  // namespace recon
