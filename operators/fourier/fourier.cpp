#include "operators/fourier/fourier.h"

#include <ATen/ATen.h>

#include "operators/fourier/fft.h"
#include "operators/fourier/half_spectrum.h"
#include "operators/fourier/sampling_patterns.h"
#include "operators/masks.h"
#include "recon/core/device_constant.h"

namespace recon {
namespace {

constexpr std::int64_t kVolumeAxes[] = {-3, -2, -1};

/// (M + M~) / 2 on the half spectrum of rfft2 (rfft3 of volumes): [1, channels, (D,) H, W / 2 + 1].
at::Tensor symmetrised(const at::Tensor& mask) {
  std::vector<std::int64_t> axes{-2, -1};
  if (mask.dim() == 4) axes.insert(axes.begin(), -3);
  const at::Tensor uncentred = at::fft_ifftshift(mask, axes);
  const at::Tensor mirrored = at::roll(at::flip(uncentred, axes), std::vector<std::int64_t>(axes.size(), 1), axes);
  return (0.5 * (uncentred + mirrored)).narrow(-1, 0, mask.size(-1) / 2 + 1).unsqueeze(0).contiguous();
}

class MaskedFourier final : public LinearOperator {
 public:
  MaskedFourier(const TensorSpec& image, const at::Tensor& mask, const std::string& pattern)
      : LinearOperator(fmt::format("fourier({}, {:.1f} % sampled)", pattern, 100 * mask.mean().item<double>()), image,
                       {image.shape, ScalarKind::complex}),
        mask_(mask),
        symmetric_(symmetrised(mask)),
        multiplier_(symmetric_.value() / static_cast<double>(mask[0].numel())),
        volume_(image.shape.size() == 4),
        full_(mask.min().item<double>() == 1) {
    if (image.scalar == ScalarKind::complex) {
      if (volume_) uncentred_ = DeviceConstant(at::fft_ifftshift(mask, kVolumeAxes).unsqueeze(0));
      return;
    }
    half_spectrum_ = volume_ ? half_spectrum_form_3d({image.shape[1], image.shape[2], image.shape[3]}, symmetric_)
                             : half_spectrum_form(image.shape[1], image.shape[2], symmetric_);
  }

  at::Tensor support() const override { return full_ ? at::Tensor() : mask_.value(); }
  bool is_unitary() const override { return full_ && domain().scalar == ScalarKind::complex; }

  std::optional<SpectralForm> spectral() const override {
    if (half_spectrum_) return half_spectrum_;
    return SpectralForm{.analyze = volume_ ? fft3_centred : fft2_centred,
                        .synthesize = volume_ ? ifft3_centred : ifft2_centred,
                        .eigenvalues = [mask = mask_](const at::Tensor& like) { return mask.like(like).unsqueeze(0); }};
  }

 private:
  at::Tensor spectrum(const at::Tensor& x) const { return volume_ ? fft3_centred(x) : fft2_centred(x); }

  at::Tensor do_apply(const at::Tensor& x) const override { return spectrum(x).mul_(mask_.like(x)); }
  at::Tensor do_adjoint(const at::Tensor& y) const override {
    const at::Tensor k = y * mask_.like(y), x = volume_ ? ifft3_centred(k) : ifft2_centred(k);
    return domain().scalar == ScalarKind::real ? at::real(x).contiguous() : x;
  }
  at::Tensor do_normal(const at::Tensor& x) const override {
    if (domain().scalar == ScalarKind::complex && volume_) {  // F^H M F commutes with shifts: none is needed
      const at::Tensor k = at::fft_fftn(x, at::OptionalIntArrayRef(), kVolumeAxes);
      return at::fft_ifftn(k * uncentred_.like(k), at::OptionalIntArrayRef(), kVolumeAxes);
    }
    if (domain().scalar == ScalarKind::complex) return adjoint(spectrum(x));
    return volume_ ? apply_circulant_3d(x, multiplier_.like(x)) : apply_circulant(x, multiplier_.like(x));
  }

  DeviceConstant mask_;
  DeviceConstant symmetric_, multiplier_;
  DeviceConstant uncentred_;  ///< M [1, C, D, H, W] with the zero frequency first, of complex volumes
  bool volume_, full_;
  std::optional<SpectralForm> half_spectrum_;  ///< of real images, made once: what it keeps on a device stays there
};

OperatorPtr fourier_from(const SamplingPatternOptions& options, const TensorSpec& image, const std::string& location) {
  return std::make_shared<MaskedFourier>(image, options.on(image, location), to_string(options.pattern));
}

}  // namespace

LinearOperatorPtr make_fourier(const TensorSpec& image, const at::Tensor& mask, const std::string& pattern) {
  return std::make_shared<MaskedFourier>(image, checked_mask(mask, image, "fourier"), pattern);
}

OperatorKind fourier_kind() {
  return OperatorKind::of<SamplingPatternOptions>(
      {.name = "fourier",
       .summary = "masked centred Fourier samples, as of single-coil Cartesian MRI",
       .examples = {R"({"type": "fourier", "acceleration": 3, "seed": 1})",
                    R"({"type": "fourier", "pattern": "cartesian_equispaced", "acceleration": 2})",
                    R"({"type": "fourier", "pattern": "poisson_disc", "acceleration": 4})",
                    R"({"type": "fourier", "pattern": "radial", "spokes": 5})",
                    R"({"type": "fourier", "pattern": "full"})"}},
      fourier_from);
}

}  // namespace recon
