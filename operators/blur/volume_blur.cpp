#include "operators/blur/volume_blur.h"

#include <ATen/ATen.h>

#include <array>

#include "operators/blur/padded_axis.h"
#include "operators/fourier/half_spectrum.h"
#include "recon/core/device_constant.h"

namespace recon {
namespace {

TensorSpec blurred_volume(const TensorSpec& volume, const at::Tensor& kernel, Boundary boundary) {
  TensorSpec result = volume;
  if (boundary != Boundary::unknown) return result;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    result.shape[axis + 1] -= kernel.size(static_cast<std::int64_t>(axis)) - 1;
  }
  return result;
}

class VolumeBlur final : public LinearOperator {
 public:
  VolumeBlur(const TensorSpec& volume, const at::Tensor& kernel, Boundary boundary, const std::string& description)
      : LinearOperator(fmt::format("blur({}, {} boundary)", description, to_string(boundary)), volume,
                       blurred_volume(volume, kernel, boundary)),
        boundary_(boundary),
        axes_{PaddedAxis::make(-3, volume.shape[1], kernel.size(0), boundary),
              PaddedAxis::make(-2, volume.shape[2], kernel.size(1), boundary),
              PaddedAxis::make(-1, volume.shape[3], kernel.size(2), boundary)} {
    const at::Tensor embedded = at::zeros({axes_[0].padded, axes_[1].padded, axes_[2].padded}, at::kDouble);
    embedded.narrow(0, 0, kernel.size(0)).narrow(1, 0, kernel.size(1)).narrow(2, 0, kernel.size(2)).copy_(kernel);
    const at::Tensor transfer =
        rfft3(at::roll(embedded, {-axes_[0].after, -axes_[1].after, -axes_[2].after}, {0, 1, 2}));
    const double scale = 1.0 / static_cast<double>(embedded.numel());
    forward_ = DeviceConstant(transfer * scale);
    backward_ = DeviceConstant(transfer.conj() * scale);
    const at::Tensor energy = at::real(transfer * transfer.conj());
    normal_ = DeviceConstant(energy * scale);
    if (boundary == Boundary::circular) spectral_ = circular_form(energy);
  }

  std::optional<ImageWindow> window() const override {
    if (boundary_ != Boundary::unknown) return std::nullopt;
    return ImageWindow{.top = axes_[1].before,
                       .left = axes_[2].before,
                       .height = axes_[1].result,
                       .width = axes_[2].result,
                       .front = axes_[0].before,
                       .depth = axes_[0].result};
  }

  std::optional<SpectralForm> spectral() const override { return spectral_; }

 private:
  SpectralForm circular_form(const at::Tensor& energy) const {
    const ScalarKind scalar = domain().scalar;
    Shape shape(scalar == ScalarKind::complex ? 3 : 2, 1);
    shape.insert(shape.end(), energy.sizes().begin(), energy.sizes().end());
    const DeviceConstant eigenvalues(energy.reshape(shape));
    return form_of_parts(half_spectrum_form_3d({axes_[0].padded, axes_[1].padded, axes_[2].padded}, eigenvalues),
                         scalar);
  }

  at::Tensor do_apply(const at::Tensor& x) const override {
    at::Tensor wide = parts_apart(x);
    if (boundary_ == Boundary::reflect) {
      for (const PaddedAxis& axis : axes_) wide = mirrored(wide, axis);
    }
    wide = apply_circulant_3d(padded(wide, {0, 0, 0}), forward_.like(x));
    for (const PaddedAxis& axis : axes_) wide = axis.result_part(wide);
    return parts_joined(wide.contiguous(), domain().scalar);
  }

  at::Tensor do_adjoint(const at::Tensor& y) const override {
    const std::array<std::int64_t, 3> begin{axes_[0].result_offset, axes_[1].result_offset, axes_[2].result_offset};
    at::Tensor wide = apply_circulant_3d(padded(parts_apart(y), begin), backward_.like(y));
    // The transposes of padding and of mirroring, in the order that undoes them.
    for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
      wide = boundary_ == Boundary::reflect ? folded(wide, *axis) : axis->image_part(wide);
    }
    return parts_joined(wide.contiguous(), domain().scalar);
  }

  at::Tensor do_normal(const at::Tensor& x) const override {
    if (boundary_ != Boundary::circular) return adjoint(apply(x));
    return parts_joined(apply_circulant_3d(parts_apart(x), normal_.like(x)), domain().scalar);
  }

  /// Zeros around x up to the padded size, x beginning at `begin`.
  at::Tensor padded(const at::Tensor& x, const std::array<std::int64_t, 3>& begin) const {
    std::vector<std::int64_t> margins;
    bool any = false;
    for (int axis = 2; axis >= 0; --axis) {  // the last axis first
      const auto i = static_cast<std::size_t>(axis);
      margins.push_back(begin[i]);
      margins.push_back(axes_[i].padded - begin[i] - x.size(axis - 3));
      any = any || margins.back() > 0 || begin[i] > 0;
    }
    return any ? at::constant_pad_nd(x, margins) : x;
  }

  Boundary boundary_;
  std::array<PaddedAxis, 3> axes_;
  DeviceConstant forward_, backward_, normal_;
  std::optional<SpectralForm> spectral_;
};

}  // namespace

LinearOperatorPtr make_volume_blur(const TensorSpec& volume, const at::Tensor& kernel, Boundary boundary,
                                   const std::string& description) {
  if (volume.shape.size() != 4) {
    throw usage_error("blur", "expected a volume [channels, slices, height, width], got {}", volume.to_string());
  }
  bool fits = kernel.dim() == 3 && kernel.numel() > 0 && !kernel.is_complex();
  for (std::int64_t axis = 0; fits && axis < 3; ++axis) {
    fits = kernel.size(axis) <= volume.shape[static_cast<std::size_t>(axis) + 1];
  }
  if (!fits) {
    throw usage_error("blur", "expected a real kernel [slices, height, width] no larger than the volume {}, got {}",
                      to_string(volume.shape), to_string(shape_of(kernel)));
  }
  return std::make_shared<VolumeBlur>(volume, kernel.to(at::kCPU, at::kDouble), boundary, description);
}

}  // namespace recon
