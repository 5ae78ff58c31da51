#include "operators/inpainting/inpainting.h"

#include <ATen/ATen.h>

#include "operators/masks.h"
#include "recon/core/device_constant.h"
#include "recon/core/error.h"

namespace recon {
namespace {

class Inpainting final : public LinearOperator {
 public:
  Inpainting(const TensorSpec& image, const at::Tensor& mask, const std::string& pattern)
      : LinearOperator(fmt::format("inpainting({}, {:.1f} % measured)", pattern, 100 * mask.mean().item<double>()),
                       image, image),
        mask_(mask) {}

  at::Tensor support() const override { return mask_.value(); }
  std::optional<SpectralForm> spectral() const override {
    return SpectralForm{.analyze = [](const at::Tensor& x) { return x; },
                        .synthesize = [](const at::Tensor& c) { return c; },
                        .eigenvalues = [mask = mask_](const at::Tensor& like) { return mask.like(like).unsqueeze(0); }};
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return x * mask_.like(x); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return y * mask_.like(y); }
  at::Tensor do_normal(const at::Tensor& x) const override { return x * mask_.like(x); }

  DeviceConstant mask_;
};

enum class MissingPattern { random, box, stripes, array };
constexpr auto words_of(MissingPattern) {
  using enum MissingPattern;
  return std::to_array<Word<MissingPattern>>(
      {{random, "random"}, {box, "box"}, {stripes, "stripes"}, {array, "array"}});
}

enum class StripeDirection { horizontal, vertical };
constexpr auto words_of(StripeDirection) {
  using enum StripeDirection;
  return std::to_array<Word<StripeDirection>>({{horizontal, "horizontal"}, {vertical, "vertical"}});
}

struct InpaintingOptions {
  at::Tensor mask;
  MissingPattern pattern = MissingPattern::random;
  double missing_fraction = 0.7;
  std::int64_t seed = 0;
  std::vector<double> box;
  std::int64_t stripe_period = 8;
  std::int64_t stripe_width = 4;
  StripeDirection stripe_direction = StripeDirection::horizontal;

  void visit(ParameterVisitor& v) {
    v.array("mask", mask, "1 = measured, 0 = missing; [height, width] or [channels, height, width]");
    if (mask.defined()) pattern = MissingPattern::array;
    v.choice("pattern", pattern, "what is missing (array when a mask is given)");
    v.field("missing_fraction", missing_fraction, "random: share of pixels that are missing, the same in all channels",
            {.min = 0, .max = 1});
    v.field("seed", seed, "random: which pixels", {.min = 0});
    v.field("box", box, "box: missing [top, left, height, width] in pixels; default the central quarter of the area");
    v.field("stripe_period", stripe_period, "stripes: lines from one missing stripe to the next", {.min = 2});
    v.field("stripe_width", stripe_width, "stripes: missing lines per period", {.min = 1});
    v.choice("stripe_direction", stripe_direction, "stripes: along rows or along columns");
  }
};

at::Tensor random_mask(const InpaintingOptions& options, const TensorSpec& image) {
  const std::int64_t pixels = image.shape[1] * image.shape[2];
  const auto missing = static_cast<std::int64_t>(std::llround(options.missing_fraction * static_cast<double>(pixels)));
  const auto order = random_order(pixels, options.seed, "inpainting");
  const at::Tensor mask = at::ones({pixels}, at::kDouble);
  auto* values = mask.data_ptr<double>();
  for (std::int64_t i = 0; i < missing; ++i) values[order[static_cast<std::size_t>(i)]] = 0;
  return mask.view({image.shape[1], image.shape[2]});
}

at::Tensor box_mask(const InpaintingOptions& options, const TensorSpec& image, const std::string& location) {
  const std::int64_t height = image.shape[1];
  const std::int64_t width = image.shape[2];
  std::vector<std::int64_t> box{height / 4, width / 4, height / 2, width / 2};
  if (!options.box.empty()) {
    if (options.box.size() != 4) throw usage_error(location, "box: expected [top, left, height, width] in pixels");
    for (std::size_t i = 0; i < 4; ++i) box[i] = static_cast<std::int64_t>(std::llround(options.box[i]));
  }
  if (box[0] < 0 || box[1] < 0 || box[2] < 1 || box[3] < 1 || box[0] + box[2] > height || box[1] + box[3] > width) {
    throw usage_error(location, "box: [top, left, height, width] = {} does not lie in the {} x {} image",
                      to_string(box), height, width);
  }
  const at::Tensor mask = at::ones({height, width}, at::kDouble);
  mask.narrow(0, box[0], box[2]).narrow(1, box[1], box[3]).zero_();
  return mask;
}

at::Tensor stripe_mask(const InpaintingOptions& options, const TensorSpec& image, const std::string& location) {
  if (options.stripe_width >= options.stripe_period) {
    throw usage_error(location, "stripe_width {} must be below stripe_period {}: nothing would be measured",
                      options.stripe_width, options.stripe_period);
  }
  const bool horizontal = options.stripe_direction == StripeDirection::horizontal;
  const at::Tensor line = at::arange(horizontal ? image.shape[1] : image.shape[2], at::kLong);
  const at::Tensor measured = (line.remainder(options.stripe_period) >= options.stripe_width).to(at::kDouble);
  return (horizontal ? measured.unsqueeze(1) : measured.unsqueeze(0))
      .expand({image.shape[1], image.shape[2]})
      .contiguous();
}

OperatorPtr inpainting_from(const InpaintingOptions& options, const TensorSpec& image, const std::string& location) {
  require_image(image, location);
  at::Tensor mask = options.mask;
  if (options.pattern == MissingPattern::random) mask = random_mask(options, image);
  if (options.pattern == MissingPattern::box) mask = box_mask(options, image, location);
  if (options.pattern == MissingPattern::stripes) mask = stripe_mask(options, image, location);
  if (options.mask.defined() != (options.pattern == MissingPattern::array)) {
    throw usage_error(location, "pattern 'array' and a mask go together: got pattern '{}' and {} mask",
                      to_string(options.pattern), options.mask.defined() ? "a" : "no");
  }
  return std::make_shared<Inpainting>(image, checked_mask(mask, image, location), to_string(options.pattern));
}

}  // namespace

LinearOperatorPtr make_inpainting(const TensorSpec& image, const at::Tensor& mask, const std::string& pattern) {
  return std::make_shared<Inpainting>(image, checked_mask(mask, image, "inpainting"), pattern);
}

OperatorKind inpainting_kind() {
  return OperatorKind::of<InpaintingOptions>(
      {.name = "inpainting",
       .summary = "missing pixels: random, a box, stripes or a mask of your own",
       .examples = {R"({"type": "inpainting", "missing_fraction": 0.7, "seed": 3})",
                    R"({"type": "inpainting", "pattern": "box", "box": [3, 4, 6, 7]})",
                    R"({"type": "inpainting", "pattern": "stripes", "stripe_direction": "vertical"})"}},
      inpainting_from);
}

}  // namespace recon
