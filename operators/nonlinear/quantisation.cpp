#include "operators/nonlinear/quantisation.h"

#include <ATen/ATen.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "recon/core/error.h"

namespace recon {
namespace {

struct QuantisationOptions {
  std::int64_t bits = 3;
  double low = 0, high = 1, dither = 0.3;

  void visit(ParameterVisitor& v) {
    v.field("bits", bits, "2^bits levels", {.min = 1, .max = 16});
    v.field("low", low, "lowest level, in units of the image");
    v.field("high", high, "highest level");
    v.field("dither", dither, "std of the noise before the converter, in steps", {.min = 0.02, .max = 4});
  }
};

class Quantisation final : public Operator {
 public:
  Quantisation(const TensorSpec& image, const QuantisationOptions& options)
      : Operator(fmt::format("quantisation({} bits on [{:g}, {:g}])", options.bits, options.low, options.high), image,
                 image),
        low_(options.low),
        thresholds_((std::int64_t{1} << options.bits) - 1),
        step_((options.high - options.low) / static_cast<double>(thresholds_)),
        dither_(options.dither),
        reach_(static_cast<std::int64_t>(std::ceil(7 * dither_)) + 1) {}

 private:
  /// Sum of `term((w - k - 1/2) / dither)` over the thresholds near w = (x - low) / step.
  at::Tensor sum_near(const at::Tensor& w, const std::function<at::Tensor(const at::Tensor&)>& term) const {
    const at::Tensor nearest = w.floor();
    at::Tensor sum = at::zeros_like(w);
    for (std::int64_t j = -reach_; j <= reach_; ++j) {
      const at::Tensor k = nearest + j;
      const at::Tensor exists = (k >= 0).logical_and(k < thresholds_);
      sum += term((w - k - 0.5) / dither_) * exists;
    }
    return sum;
  }
  at::Tensor do_apply(const at::Tensor& x) const override {
    const at::Tensor w = (x - low_) / step_;
    const at::Tensor passed = (w.floor() - reach_).clamp(0, thresholds_);
    const at::Tensor near =
        sum_near(w, [](const at::Tensor& u) { return 0.5 * at::erfc(u * -(1 / std::numbers::sqrt2)); });
    return low_ + step_ * (passed + near);
  }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override {
    const double peak = 1 / (dither_ * std::sqrt(2 * std::numbers::pi));
    return v * sum_near((x - low_) / step_, [&](const at::Tensor& u) { return peak * at::exp(-0.5 * u.square()); });
  }

  double low_;
  std::int64_t thresholds_;
  double step_, dither_;
  std::int64_t reach_;  ///< thresholds further away than this are passed or not for certain
};

OperatorPtr quantisation_from(const QuantisationOptions& options, const TensorSpec& image,
                              const std::string& location) {
  if (image.scalar != ScalarKind::real) {
    throw usage_error(location, "expected a real image, got {}", image.to_string());
  }
  if (!(options.low < options.high)) {
    throw usage_error(location, "expected low < high, got {} and {}", options.low, options.high);
  }
  return std::make_shared<Quantisation>(image, options);
}

}  // namespace

OperatorKind quantisation_kind() {
  return OperatorKind::of<QuantisationOptions>(
      {.name = "quantisation",
       .summary = "the mean reading of a coarse analogue-to-digital converter behind noise; not linear",
       .examples = {R"({"type": "quantisation"})",
                    R"({"type": "quantisation", "bits": 2, "low": -1, "high": 2, "dither": 0.2})"}},
      quantisation_from);
}

}  // namespace recon
