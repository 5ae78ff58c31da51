#include "operators/resampling/super_resolution.h"

#include <ATen/ATen.h>

#include "operators/algebra.h"
#include "operators/blur/blur.h"
#include "operators/blur/blur_kernel.h"
#include "operators/resampling/downsampled_spec.h"

namespace recon {
namespace {

class Decimation final : public LinearOperator {
 public:
  Decimation(const TensorSpec& image, std::int64_t factor, std::int64_t first_row, std::int64_t first_column)
      : LinearOperator(
            fmt::format("decimation(factor {})", factor), image,
            {{image.shape[0], count(image.shape[1], first_row, factor), count(image.shape[2], first_column, factor)},
             image.scalar}),
        factor_(factor),
        first_row_(first_row),
        first_column_(first_column) {}

 private:
  static std::int64_t count(std::int64_t size, std::int64_t first, std::int64_t factor) {
    return (size - first + factor - 1) / factor;
  }
  at::Tensor sampled(const at::Tensor& x) const {
    return x.slice(2, first_row_, std::nullopt, factor_).slice(3, first_column_, std::nullopt, factor_);
  }
  at::Tensor do_apply(const at::Tensor& x) const override { return sampled(x).clone(at::MemoryFormat::Contiguous); }
  at::Tensor do_adjoint(const at::Tensor& y) const override {
    const Shape& shape = domain().shape;
    at::Tensor x = at::zeros({y.size(0), shape[0], shape[1], shape[2]}, y.options());
    sampled(x).copy_(y);
    return x;
  }

  std::int64_t factor_, first_row_, first_column_;
};

/// The pixels of the low-resolution image that see nothing beyond the image, in place of all.
LinearOperatorPtr make_inner_decimation(const TensorSpec& blurred, const at::Tensor& kernel, std::int64_t factor) {
  const auto first = [&](std::int64_t size) {
    const std::int64_t seen_from = size - 1 - size / 2, offset = (factor - 1) / 2;  // in the image's pixels
    const std::int64_t pixel = std::max<std::int64_t>(0, (seen_from - offset + factor - 1) / factor);
    return pixel * factor + offset - seen_from;
  };
  const std::int64_t row = first(kernel.size(0)), column = first(kernel.size(1));
  if (row >= blurred.shape[1] || column >= blurred.shape[2]) {
    throw usage_error(
        "super_resolution",
        "with the boundary unknown no low-resolution pixel sees the image alone; the kernel of {} x {} is "
        "too large for it",
        kernel.size(0), kernel.size(1));
  }
  return std::make_shared<Decimation>(blurred, factor, row, column);
}

enum class DownsamplingFilter { average, bicubic, kernel };
constexpr auto words_of(DownsamplingFilter) {
  using enum DownsamplingFilter;
  return std::to_array<Word<DownsamplingFilter>>({{average, "average"}, {bicubic, "bicubic"}, {kernel, "kernel"}});
}

struct SuperResolutionOptions {
  std::int64_t factor = 4;
  DownsamplingFilter filter = DownsamplingFilter::average;
  BicubicBorder border = BicubicBorder::renormalize;
  BlurKernel kernel;
  Boundary boundary = Boundary::circular;

  void visit(ParameterVisitor& v) {
    v.field("factor", factor, "high-resolution pixels per low-resolution pixel and axis", {.min = 2});
    v.choice("filter", filter, "what a low-resolution pixel sees");
    v.choice("border", border, "bicubic: taps outside, as Pillow or as MATLAB treat them");
    kernel.visit(v);
    visit_boundary(boundary, v);
  }
};

OperatorPtr super_resolution_from(const SuperResolutionOptions& options, const TensorSpec& image,
                                  const std::string& location) {
  const std::int64_t factor = options.factor;
  if (options.filter == DownsamplingFilter::average) return make_average_downsampling(image, factor);
  if (options.filter == DownsamplingFilter::bicubic) return make_bicubic_downsampling(image, factor, options.border);
  downsampled_spec(image, factor);
  const at::Tensor weights = options.kernel.on(image, location, /*even_size=*/factor % 2 == 0);
  const LinearOperatorPtr blur = make_blur(image, weights, options.boundary, options.kernel.describe());
  if (options.boundary == Boundary::unknown)
    return compose(make_inner_decimation(blur->range(), weights, factor), blur);
  return compose(make_decimation(image, factor, (factor - 1) / 2), blur);
}

}  // namespace

LinearOperatorPtr make_decimation(const TensorSpec& image, std::int64_t factor, std::int64_t offset) {
  if (offset < 0 || offset >= factor) {
    throw usage_error("decimation", "expected an offset in [0, {}), got {}", factor, offset);
  }
  downsampled_spec(image, factor);
  return std::make_shared<Decimation>(image, factor, offset, offset);
}

OperatorKind super_resolution_kind() {
  return OperatorKind::of<SuperResolutionOptions>(
      {.name = "super_resolution",
       .summary = "downsampling by a factor: block average, antialiased bicubic, or blur and decimate",
       .examples = {R"({"type": "super_resolution", "factor": 4})",
                    R"({"type": "super_resolution", "factor": 2, "filter": "bicubic"})",
                    R"({"type": "super_resolution", "factor": 4, "filter": "kernel", "std_px": 1.5})",
                    R"({"type": "super_resolution", "factor": 2, "filter": "kernel", "shape": "motion",
                           "length_px": 4, "angle_deg": 45, "boundary": "reflect"})",
                    R"({"type": "super_resolution", "factor": 2, "filter": "kernel", "std_px": 0.8,
                            "boundary": "unknown"})"}},
      super_resolution_from);
}

}  // namespace recon
