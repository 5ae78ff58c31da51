#include "operators/blur/blur.h"

#include <ATen/ATen.h>

#include "operators/blur/blur_kernel.h"
#include "operators/blur/padded_axis.h"
#include "operators/blur/volume_blur.h"
#include "operators/fourier/fft.h"
#include "operators/fourier/half_spectrum.h"
#include "operators/masks.h"
#include "recon/core/device_constant.h"
#include "recon/core/error.h"

namespace recon {
namespace {

TensorSpec result_spec(const TensorSpec& image, const at::Tensor& kernel, Boundary boundary) {
  if (boundary != Boundary::unknown) return image;
  return {{image.shape[0], image.shape[1] - kernel.size(0) + 1, image.shape[2] - kernel.size(1) + 1}, image.scalar};
}

class Blur final : public LinearOperator {
 public:
  Blur(const TensorSpec& image, const at::Tensor& kernel, Boundary boundary, const std::string& description)
      : LinearOperator(fmt::format("blur({}, {} boundary)", description, to_string(boundary)), image,
                       result_spec(image, kernel, boundary)),
        boundary_(boundary),
        rows_(PaddedAxis::make(-2, image.shape[1], kernel.size(0), boundary)),
        columns_(PaddedAxis::make(-1, image.shape[2], kernel.size(1), boundary)) {
    const at::Tensor embedded = at::zeros({rows_.padded, columns_.padded}, at::kDouble);
    embedded.narrow(0, 0, kernel.size(0)).narrow(1, 0, kernel.size(1)).copy_(kernel);
    const at::Tensor transfer = rfft2(at::roll(embedded, {-rows_.after, -columns_.after}, {0, 1}));
    const double scale = 1.0 / static_cast<double>(rows_.padded * columns_.padded);
    forward_ = DeviceConstant(transfer * scale);
    backward_ = DeviceConstant(transfer.conj() * scale);
    energy_ = DeviceConstant(at::real(transfer * transfer.conj()));
    spectral_ = made_spectral();
  }

  std::optional<ImageWindow> window() const override {
    if (boundary_ != Boundary::unknown) return std::nullopt;
    return ImageWindow{.top = rows_.before, .left = columns_.before, .height = rows_.result, .width = columns_.result};
  }

  std::optional<SpectralForm> spectral() const override { return spectral_; }

 private:
  /// What it keeps on a device is to stay there: made once.
  std::optional<SpectralForm> made_spectral() const {
    if (boundary_ != Boundary::circular) return std::nullopt;
    const ScalarKind scalar = domain().scalar;
    const Shape leading(scalar == ScalarKind::complex ? 3 : 2, 1);
    Shape shape = leading;
    shape.insert(shape.end(), {rows_.padded, columns_.padded / 2 + 1});
    const DeviceConstant eigenvalues(energy_.value().reshape(shape));
    return form_of_parts(half_spectrum_form(rows_.padded, columns_.padded, eigenvalues), scalar);
  }

  at::Tensor do_apply(const at::Tensor& x) const override {
    const at::Tensor wide = apply_circulant(padded(extended(parts_apart(x)), 0, 0), forward_.like(x));
    return parts_joined(columns_.result_part(rows_.result_part(wide)).contiguous(), domain().scalar);
  }

  at::Tensor do_adjoint(const at::Tensor& y) const override {
    const at::Tensor wide =
        apply_circulant(padded(parts_apart(y), rows_.result_offset, columns_.result_offset), backward_.like(y));
    return parts_joined(restricted(wide), domain().scalar);
  }

  at::Tensor do_normal(const at::Tensor& x) const override {
    if (boundary_ != Boundary::circular) return adjoint(apply(x));
    const double scale = 1.0 / static_cast<double>(rows_.padded * columns_.padded);
    return parts_joined(apply_circulant(parts_apart(x), energy_.like(x) * scale), domain().scalar);
  }

  at::Tensor extended(const at::Tensor& x) const {
    return boundary_ == Boundary::reflect ? mirrored(mirrored(x, rows_), columns_) : x;
  }

  /// Transpose of padded(extended(x), 0, 0).
  at::Tensor restricted(const at::Tensor& wide) const {
    if (boundary_ == Boundary::reflect) return folded(folded(wide, columns_), rows_);
    return columns_.image_part(rows_.image_part(wide)).contiguous();
  }

  /// Zeros around x up to the padded size, x beginning at [top, left].
  at::Tensor padded(const at::Tensor& x, std::int64_t top, std::int64_t left) const {
    const std::int64_t below = rows_.padded - top - x.size(-2);
    const std::int64_t right = columns_.padded - left - x.size(-1);
    if (top == 0 && left == 0 && below == 0 && right == 0) return x;
    return at::constant_pad_nd(x, {left, right, top, below});
  }

  Boundary boundary_;
  PaddedAxis rows_, columns_;
  DeviceConstant forward_, backward_, energy_;
  std::optional<SpectralForm> spectral_;
};

struct BlurOptions {
  BlurKernel kernel;
  Boundary boundary = Boundary::circular;

  void visit(ParameterVisitor& v) {
    kernel.visit(v);
    visit_boundary(boundary, v);
  }
};

/// With what only volumes have; blurs of images do not list it.
struct VolumeBlurOptions : BlurOptions {
  void visit(ParameterVisitor& v) {
    BlurOptions::visit(v);
    kernel.visit_volume(v);
  }
};

OperatorPtr blur_from(const BlurOptions& options, const TensorSpec& image, const std::string& location) {
  if (image.shape.size() == 4) {
    return make_volume_blur(image, options.kernel.on_volume(image, location), options.boundary,
                            options.kernel.describe());
  }
  options.kernel.require_plane(location);
  return make_blur(image, options.kernel.on(image, location), options.boundary, options.kernel.describe());
}

}  // namespace

void visit_boundary(Boundary& boundary, ParameterVisitor& v) {
  v.choice("boundary", boundary,
           "what lies beyond the border: the other side, darkness, the mirror image, or what nobody knows (the "
           "measurement is then smaller than the image by the kernel)");
}

LinearOperatorPtr make_blur(const TensorSpec& image, const at::Tensor& kernel, Boundary boundary,
                            const std::string& description) {
  require_image(image, "blur");
  if (kernel.dim() != 2 || kernel.numel() == 0 || kernel.is_complex() || kernel.size(0) > image.shape[1] ||
      kernel.size(1) > image.shape[2]) {
    throw usage_error("blur", "expected a real kernel [height, width] no larger than the {} x {} image, got {}",
                      image.shape[1], image.shape[2], to_string(shape_of(kernel)));
  }
  return std::make_shared<Blur>(image, kernel.to(at::kCPU, at::kDouble), boundary, description);
}

OperatorKind blur_kind() {
  OperatorKind kind = OperatorKind::of<VolumeBlurOptions>(
      {.name = "blur",
       .summary =
           "convolution with a gaussian, motion, disk or own kernel, of volumes in three dimensions; four boundaries",
       .examples = {R"({"type": "blur", "std_px": 1.2})",
                    R"({"type": "blur", "shape": "motion", "length_px": 5, "angle_deg": 30, "boundary": "zero"})",
                    R"({"type": "blur", "shape": "disk", "radius_px": 2.2, "boundary": "reflect"})",
                    R"({"type": "blur", "kernel": [[1, 2, 0], [0, 3, 1]], "boundary": "reflect"})",
                    R"({"type": "blur", "kernel": [[1, 2, 0], [0, 3, 1]], "boundary": "unknown"})",
                    R"({"type": "blur", "kernel": [[[1, 0, 2]], [[0, 3, 1]]], "boundary": "unknown"})",
                    R"({"type": "blur", "kernel": [[[1, 0, 2]], [[0, 3, 1]], [[1, 1, 0]]], "boundary": "reflect"})"}},
      blur_from);
  kind.make = [](ParameterVisitor& v, const TensorSpec& image) -> OperatorPtr {
    VolumeBlurOptions options;
    if (image.shape.size() == 4) {
      options.visit(v);
    } else {
      options.BlurOptions::visit(v);
    }
    return blur_from(options, image, v.location());
  };
  return kind;
}

}  // namespace recon
