#include "priors/networks/fir.h"

#include <ATen/ATen.h>

#include <array>

namespace recon {
namespace {

constexpr std::array<std::int64_t, 2> kNoPadding{0, 0};

}  // namespace

Fir Fir::binomial(const at::TensorOptions& options) {
  const at::Tensor taps = at::tensor({1.0, 3.0, 3.0, 1.0}, at::kDouble) / 8;
  return Fir(at::outer(taps, taps).view({1, 1, 4, 4}).to(options));
}

at::Tensor Fir::operator()(const at::Tensor& x, Resample resample) const {
  const std::int64_t channels = x.size(1), pad = (filter.size(-1) - 1) / 2;
  const at::Tensor each = filter.expand({channels, 1, -1, -1});
  if (resample == Resample::down) return at::conv2d(x, each, {}, {2, 2}, {pad, pad}, {1, 1}, channels);
  return at::conv_transpose2d(x, 4 * each, {}, {2, 2}, {pad, pad}, {0, 0}, channels);
}

HalvingConv::HalvingConv(const ParameterScope& scope, std::int64_t in, std::int64_t out, Fir filter)
    : weight(scope.get("weight", {out, in, 3, 3})), bias(scope.get("bias", {out})), fir(std::move(filter)) {}

at::Tensor HalvingConv::operator()(const at::Tensor& x) const {
  const std::int64_t pad = 1 + (fir.filter.size(-1) - 1) / 2, channels = weight.size(0);
  const at::Tensor wide = at::conv2d(x, weight, {}, {1, 1}, {pad, pad});
  const at::Tensor each = fir.filter.expand({channels, 1, -1, -1});
  return at::conv2d(wide, each, bias, {2, 2}, kNoPadding, {1, 1}, channels);
}

}  // namespace recon
