#include "operators/blur/varying_blur.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "operators/masks.h"
#include "recon/core/device_constant.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// One patch along one axis: where its window is not zero, with the kernel's margins.
struct Span {
  std::int64_t begin, length;
  at::Tensor window;  ///< float64 [length]

  at::Tensor of(const at::Tensor& x, std::int64_t dim) const { return x.narrow(dim, begin, length); }
};

/// The windows [patches, size] along an axis.
at::Tensor windows(std::int64_t patches, std::int64_t size, bool smooth) {
  const double cell = static_cast<double>(size) / static_cast<double>(patches);
  const at::Tensor middles = ((at::arange(patches, at::kDouble) + 0.5) * cell).unsqueeze(1);
  const at::Tensor pixels =
      (at::arange(size, at::kDouble) + 0.5).clamp(0.5 * cell, static_cast<double>(size) - 0.5 * cell);
  const at::Tensor hat = (1 - (pixels - middles).abs() / cell).clamp_min(0);
  return smooth ? (hat * (std::numbers::pi / 2)).sin().square() : hat;
}

Span span_of(const at::Tensor& window, std::int64_t kernel) {
  const at::Tensor lit = (window > 0).nonzero();
  const std::int64_t size = window.size(0), after = kernel / 2, before = kernel - 1 - after;
  // The adjoint reaches as far to one side as the blur does to the other: the longer reach serves both.
  std::int64_t begin = std::max<std::int64_t>(0, lit.min().item<std::int64_t>() - std::max(before, after));
  std::int64_t end = std::min(size, lit.max().item<std::int64_t>() + 1 + std::max(before, after));
  begin = std::max<std::int64_t>(0, std::min(begin, end - kernel));
  end = std::max(end, begin + kernel);
  return {begin, end - begin, window.narrow(0, begin, end - begin)};
}

class VaryingBlur final : public LinearOperator {
 public:
  VaryingBlur(const TensorSpec& image, const at::Tensor& kernels, bool smooth, const std::optional<ImageWindow>& shown)
      : LinearOperator(fmt::format("varying_blur({} x {} patches of {} x {} px kernels)", kernels.size(0),
                                   kernels.size(1), kernels.size(2), kernels.size(3)),
                       image, shown ? TensorSpec{{image.shape[0], shown->height, shown->width}, image.scalar} : image),
        window_(shown) {
    const at::Tensor down = windows(kernels.size(0), image.shape[1], smooth);
    const at::Tensor across = windows(kernels.size(1), image.shape[2], smooth);
    for (std::int64_t i = 0; i < kernels.size(0); ++i) {
      for (std::int64_t j = 0; j < kernels.size(1); ++j) {
        Patch patch{.rows = span_of(down[i], kernels.size(2)), .columns = span_of(across[j], kernels.size(3))};
        patch.window = DeviceConstant(patch.rows.window.unsqueeze(1) * patch.columns.window);
        const TensorSpec part{{image.shape[0], patch.rows.length, patch.columns.length}, image.scalar};
        patch.blur = make_blur(part, kernels[i][j], Boundary::zero, "patch");
        patches_.push_back(std::move(patch));
      }
    }
  }

  std::optional<ImageWindow> window() const override { return window_; }

 private:
  struct Patch {
    Span rows, columns;
    DeviceConstant window = {};
    LinearOperatorPtr blur = {};

    at::Tensor of(const at::Tensor& x) const { return columns.of(rows.of(x, -2), -1); }
  };

  at::Tensor do_apply(const at::Tensor& x) const override {
    const at::Tensor y = at::zeros_like(x, at::MemoryFormat::Contiguous);
    for (const Patch& patch : patches_) patch.of(y) += patch.blur->apply(patch.of(x) * patch.window.like(x));
    return window_ ? window_->of(y).contiguous() : y;
  }

  at::Tensor do_adjoint(const at::Tensor& measured) const override {
    at::Tensor y = measured;
    if (window_) {
      y = at::zeros({measured.size(0), domain().shape[0], domain().shape[1], domain().shape[2]}, measured.options());
      window_->of(y).copy_(measured);
    }
    const at::Tensor x = at::zeros_like(y, at::MemoryFormat::Contiguous);
    for (const Patch& patch : patches_) {
      patch.of(x) += patch.blur->adjoint(patch.of(y).contiguous()) * patch.window.like(y);
    }
    return x;
  }

  std::vector<Patch> patches_;
  std::optional<ImageWindow> window_;
};

/// A round Gaussian cut at 4 stds, normalised.
at::Tensor gaussian_row(std::int64_t size, double std_px) {
  const at::Tensor distance = at::arange(size, at::kDouble) - static_cast<double>(size / 2);
  const at::Tensor line = (-0.5 * (distance / std_px).square()).exp();
  return (line.unsqueeze(1) * line) / line.sum().square();
}

enum class PatchWindow { smooth, linear };
constexpr auto words_of(PatchWindow) {
  return std::to_array<Word<PatchWindow>>({{PatchWindow::smooth, "smooth"}, {PatchWindow::linear, "linear"}});
}

struct VaryingBlurOptions {
  at::Tensor kernels;
  std::vector<double> patches = {5, 5};
  double std_px = 0.8, corner_std_px = 2.5;
  PatchWindow window = PatchWindow::smooth;
  Boundary boundary = Boundary::zero;

  void visit(ParameterVisitor& v) {
    v.array("kernels", kernels, "[rows, columns, height, width]: a kernel for each patch, used as they are");
    v.field("patches", patches, "[rows, columns] of generated Gaussian kernels");
    v.field("std_px", std_px, "Gaussian's standard deviation in the middle of the image", {.min = 0, .open_min = true});
    v.field("corner_std_px", corner_std_px, "and in its corners; it grows with the distance from the middle",
            {.min = 0, .open_min = true});
    v.choice("window", window, "how kernels are interpolated between the middles of patches");
    visit_boundary(boundary, v);
  }

  at::Tensor on(const TensorSpec& image, const std::string& location) const {
    if (kernels.defined()) return kernels;
    if (patches.size() != 2 || !(patches[0] >= 1) || !(patches[1] >= 1) || patches[0] > 1024 || patches[1] > 1024) {
      throw usage_error(location, "patches: expected [rows, columns] from 1 to 1024 each");
    }
    const auto rows = std::llround(patches[0]), columns = std::llround(patches[1]);
    const double widest = std::max(std_px, corner_std_px);
    const std::int64_t limit = (std::min(image.shape[1], image.shape[2]) - 1) / 2;
    const std::int64_t size = 2 * std::min(static_cast<std::int64_t>(std::ceil(4 * widest)), limit) + 1;
    at::Tensor result = at::empty({rows, columns, size, size}, at::kDouble);
    const auto offset = [](std::int64_t i, std::int64_t n) {
      return (2.0 * static_cast<double>(i) + 1) / static_cast<double>(n) - 1;
    };
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        const double distance = std::hypot(offset(i, rows), offset(j, columns)) / std::numbers::sqrt2;
        result[i][j] = gaussian_row(size, std_px + (corner_std_px - std_px) * distance);
      }
    }
    return result;
  }
};

OperatorPtr varying_blur_from(const VaryingBlurOptions& options, const TensorSpec& image, const std::string& location) {
  require_image(image, location);
  return make_varying_blur(image, options.on(image, location), options.window == PatchWindow::smooth, options.boundary);
}

}  // namespace

LinearOperatorPtr make_varying_blur(const TensorSpec& image, const at::Tensor& kernels, bool smooth,
                                    Boundary boundary) {
  require_image(image, "varying_blur");
  const bool fits = kernels.dim() == 4 && kernels.numel() > 0 && !kernels.is_complex() &&
                    std::max(kernels.size(0), kernels.size(2)) <= image.shape[1] &&
                    std::max(kernels.size(1), kernels.size(3)) <= image.shape[2];
  if (!fits) {
    throw usage_error("varying_blur",
                      "expected real kernels [rows, columns, height, width] with no more patches and no larger kernels "
                      "than the {} x {} image, got {}",
                      image.shape[1], image.shape[2], to_string(shape_of(kernels)));
  }
  if (boundary != Boundary::zero && boundary != Boundary::unknown) {
    throw usage_error("varying_blur", "expected the boundary zero or unknown, got {}", to_string(boundary));
  }
  std::optional<ImageWindow> window;
  if (boundary == Boundary::unknown) {
    const std::int64_t height = kernels.size(2), width = kernels.size(3);
    window = ImageWindow{.top = height - 1 - height / 2,
                         .left = width - 1 - width / 2,
                         .height = image.shape[1] - height + 1,
                         .width = image.shape[2] - width + 1};
  }
  return std::make_shared<VaryingBlur>(image, kernels.to(at::kCPU, at::kDouble), smooth, window);
}

OperatorKind varying_blur_kind() {
  return OperatorKind::of<VaryingBlurOptions>(
      {.name = "varying_blur",
       .summary = "blur whose kernel changes across the image, interpolated between patches",
       .examples = {R"({"type": "varying_blur", "patches": [3, 2], "std_px": 0.6, "corner_std_px": 1.2})",
                    R"({"type": "varying_blur", "window": "linear",
                           "kernels": [[[[1, 2, 0], [0, 3, 1]], [[0, 0, 0], [0, 1, 0]]]]})",
                    R"({"type": "varying_blur", "patches": [2, 2], "std_px": 0.5, "corner_std_px": 0.9,
                           "boundary": "unknown"})"}},
      varying_blur_from);
}

}  // namespace recon
