#include "operators/demosaicing/demosaicing.h"

#include <ATen/ATen.h>

#include "operators/masks.h"
#include "recon/core/device_constant.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// 0/1 masks [3, H, W] of the three colours.
at::Tensor colour_masks(const TensorSpec& image, BayerPattern filters) {
  const std::string colours = "rgb", pattern = to_string(filters);
  at::Tensor masks = at::zeros(image.shape, at::kDouble);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto colour = static_cast<std::int64_t>(colours.find(pattern[i]));
    const auto row = static_cast<std::int64_t>(i / 2), column = static_cast<std::int64_t>(i % 2);
    masks[colour].slice(0, row, std::nullopt, 2).slice(1, column, std::nullopt, 2).fill_(1);
  }
  return masks;
}

class Demosaicing final : public LinearOperator {
 public:
  Demosaicing(const TensorSpec& image, BayerPattern pattern)
      : LinearOperator(fmt::format("demosaicing({})", to_string(pattern)), image,
                       {{1, image.shape[1], image.shape[2]}, ScalarKind::real}),
        masks_(colour_masks(image, pattern)) {}

  std::optional<SpectralForm> spectral() const override {
    return SpectralForm{
        .analyze = [](const at::Tensor& x) { return x; },
        .synthesize = [](const at::Tensor& c) { return c; },
        .eigenvalues = [masks = masks_](const at::Tensor& like) { return masks.like(like).unsqueeze(0); }};
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return (x * masks_.like(x)).sum(1, /*keepdim=*/true); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return y * masks_.like(y); }
  at::Tensor do_normal(const at::Tensor& x) const override { return x * masks_.like(x); }

  DeviceConstant masks_;
};

struct DemosaicingOptions {
  BayerPattern pattern = BayerPattern::rggb;

  void visit(ParameterVisitor& v) { v.choice("pattern", pattern, "filters of the top left 2 x 2 pixels, row by row"); }
};

OperatorPtr demosaicing_from(const DemosaicingOptions& options, const TensorSpec& image, const std::string&) {
  return make_demosaicing(image, options.pattern);
}

}  // namespace

LinearOperatorPtr make_demosaicing(const TensorSpec& image, BayerPattern pattern) {
  require_image(image, "demosaicing");
  if (image.shape[0] != 3 || image.scalar != ScalarKind::real) {
    throw usage_error("demosaicing", "expected a real image of the 3 channels R, G, B, got {}", image.to_string());
  }
  return std::make_shared<Demosaicing>(image, pattern);
}

OperatorKind demosaicing_kind() {
  return OperatorKind::of<DemosaicingOptions>(
      {.name = "demosaicing",
       .summary = "one colour per pixel, as behind a Bayer mosaic of colour filters",
       .examples = {R"({"type": "demosaicing"})", R"({"type": "demosaicing", "pattern": "gbrg"})"}},
      demosaicing_from);
}

}  // namespace recon
