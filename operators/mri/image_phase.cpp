#include "operators/mri/image_phase.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "operators/algebra.h"
#include "operators/fourier/fft.h"
#include "operators/mri/seen_pixels.h"
#include "recon/core/device_constant.h"
#include "recon/core/error.h"
#include "recon/core/per_entry.h"
#include "recon/core/rng.h"

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

/// Hann window around n / 2 over a quarter of the axis.
at::Tensor hann(std::int64_t n) {
  const at::Tensor u = (at::arange(n, at::kDouble) - static_cast<double>(n / 2)) * (8 / static_cast<double>(n));
  return at::where(u.abs() < 1, 0.5 + 0.5 * at::cos(M_PI * u), at::zeros_like(u));
}

/// x without its high frequencies.
at::Tensor low_passed(const at::Tensor& x) {
  const at::Tensor window = hann(x.size(-2)).unsqueeze(1) * hann(x.size(-1));
  return ifft2_centred(fft2_centred(x) * window.to(x.device(), real_dtype(x)));
}

/// x blurred by a Gaussian of `width` pixels, round the borders.
at::Tensor blurred(const at::Tensor& x, double width) {
  const auto along = [&](std::int64_t n) {
    const at::Tensor frequency = at::fft_fftfreq(n, 1.0, at::TensorOptions(at::kDouble));
    return at::exp(-2 * M_PI * M_PI * width * width * frequency.square());
  };
  const at::Tensor transfer = along(x.size(-2)).unsqueeze(1) * along(x.size(-1));
  return at::fft_ifft2(at::fft_fft2(x) * transfer.to(x.device(), real_dtype(x)));
}

at::Tensor mean_power(const at::Tensor& x) { return x.abs().square().mean(); }

/// The complex image that explains the data, roughly.
at::Tensor explaining(const LinearOperator& op, const at::Tensor& y) {
  const at::Tensor b = op.adjoint(y);
  // The gain where the image is, about |A|².
  const double gain = (squared_norms(op.apply(b)) / squared_norms(b)).item<double>();
  if (!(gain > 0)) return b;
  return op.solve_shifted(b, at::full({1}, 1e-3 * gain, at::kDouble), {.max_iterations = 20});
}

/// The phase of low frequencies where they are more than noise, elsewhere that of their neighbours.
at::Tensor first_phase(const at::Tensor& z, const at::Tensor& noise_power) {
  constexpr double noise_below = 9;  // one pixel of noise in 8000 is above
  const at::Tensor power = z.abs().square(), least = noise_below * noise_power;
  const at::Tensor known = at::where(power > least, 1 - least / power, at::zeros_like(power)) * at::sgn(z);
  at::Tensor phasor = known;
  const auto size = static_cast<double>(std::max(z.size(-2), z.size(-1)));
  double share = 0.1;
  for (double width = 2; width <= size / 4; width *= 2, share /= 10) phasor = phasor + share * blurred(known, width);
  return phasor.angle();
}

/// The mean phase that `d` has, weighted by its energy; nothing where there is nothing but noise.
at::Tensor phase_left(const at::Tensor& d, const at::Tensor& noise_power) {
  constexpr double share_of_image = 0.045;
  const double width = share_of_image * static_cast<double>(std::max(d.size(-2), d.size(-1)));
  constexpr double next_to_nothing = 1e-30;  // for images that are zero
  const at::Tensor magnitude = d.abs(), floor = (0.5 * noise_power).clamp_min(next_to_nothing);
  const at::Tensor weight = (magnitude.square() - noise_power).clamp_min(0) / magnitude.clamp_min(next_to_nothing);
  return at::imag(blurred(weight * d, width)) / (at::real(blurred(weight * magnitude, width)).clamp_min(0) + floor);
}

}  // namespace

at::Tensor smooth_phase(const OperatorPtr& op, const at::Tensor& y, const at::Tensor& noise_variance) {
  constexpr int rounds = 2;
  const LinearOperatorPtr linear = as_linear(op, "complex_image phase_from_centre");
  if (op->domain().scalar != ScalarKind::complex) {
    throw usage_error("complex_image phase_from_centre", "expected a complex image, got {}", op->domain().to_string());
  }
  const at::Tensor x = explaining(*linear, y);
  at::Tensor noise = at::zeros_like(x);  ///< one draw of what the data's noise is in x
  if (noise_variance.defined()) {
    const at::Tensor white = Rng(0, "smooth phase").normal({{}}, 0, op->range(), y.options());
    noise = explaining(*linear, white * noise_variance.to(y.device()).sqrt().to(real_dtype(y)));
  }
  at::Tensor phase = first_phase(low_passed(x), mean_power(low_passed(noise)));
  for (int round = 0; round < rounds; ++round) {
    phase = phase + phase_left(x * at::polar(at::ones_like(phase), -phase), mean_power(noise));
  }
  return phase;
}

OperatorPtr with_phase(const OperatorPtr& op, const at::Tensor& phase) {
  const OperatorPtr real = compose(op, std::make_shared<PhaseFactor>(op->domain(), phase));
  const at::Tensor seen = seen_pixels(*op);
  return seen.defined() ? with_seen_pixels(as_linear(real, "complex_image phase_from_centre"), seen) : real;
}

}  // namespace recon
