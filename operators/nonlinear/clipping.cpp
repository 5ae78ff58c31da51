#include "operators/nonlinear/clipping.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"

namespace recon {
namespace {

struct ClippingOptions {
  double gain = 2, low = 0, high = 1, softness = 0;

  void visit(ParameterVisitor& v) {
    v.field("gain", gain, "factor before the limits", {.min = 0, .open_min = true});
    v.field("low", low, "lower limit, in units of the image");
    v.field("high", high, "upper limit");
    v.field("softness", softness, "width of the rounded kinks; 0: exact", {.min = 0});
  }
};

class Clipping final : public Operator {
 public:
  Clipping(const TensorSpec& image, const ClippingOptions& options)
      : Operator(fmt::format("clipping(gain {:g}, [{:g}, {:g}])", options.gain, options.low, options.high), image,
                 image),
        options_(options) {}

 private:
  at::Tensor softplus(const at::Tensor& u) const {
    return u.clamp_min(0) + options_.softness * at::log1p(at::exp(u.abs() / -options_.softness));
  }
  at::Tensor do_apply(const at::Tensor& x) const override {
    const at::Tensor u = options_.gain * x;
    if (!(options_.softness > 0)) return u.clamp(options_.low, options_.high);
    return options_.low + softplus(u - options_.low) - softplus(u - options_.high);
  }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override {
    const at::Tensor u = options_.gain * x;
    if (!(options_.softness > 0)) return options_.gain * v * (u > options_.low).logical_and(u < options_.high);
    const double s = options_.softness;
    return options_.gain * v * (at::sigmoid((u - options_.low) / s) - at::sigmoid((u - options_.high) / s));
  }

  ClippingOptions options_;
};

OperatorPtr clipping_from(const ClippingOptions& options, const TensorSpec& image, const std::string& location) {
  if (image.scalar != ScalarKind::real) {
    throw usage_error(location, "expected a real image, got {}", image.to_string());
  }
  if (!(options.low < options.high)) {
    throw usage_error(location, "expected low < high, got {} and {}", options.low, options.high);
  }
  return std::make_shared<Clipping>(image, options);
}

}  // namespace

OperatorKind clipping_kind() {
  return OperatorKind::of<ClippingOptions>(
      {.name = "clipping",
       .summary = "a saturating detector: high dynamic range from clipped values; not linear",
       .examples = {R"({"type": "clipping", "low": -0.2, "high": 0.9})",
                    R"({"type": "clipping", "gain": 1.5, "low": -0.5, "high": 0.8, "softness": 0.1})"}},
      clipping_from);
}

}  // namespace recon
