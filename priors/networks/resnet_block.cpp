#include "priors/networks/resnet_block.h"

#include <ATen/ATen.h>

namespace recon {

ResnetBlock::ResnetBlock(const ParameterScope& scope, std::int64_t in, std::int64_t out, const BlockStyle& style,
                         Resample resample, double output_scale)
    : norm1_(scope.child("norm1"), in, style.groups, style.eps),
      conv1_(scope.child("conv1"), in, out, 3),
      time_projection_(scope.child("time_emb_proj"), style.time_channels, style.scale_shift ? 2 * out : out),
      norm2_(scope.child("norm2"), out, style.groups, style.eps),
      conv2_(scope.child("conv2"), out, out, 3),
      activation_(style.activation),
      scale_shift_(style.scale_shift),
      resample_(resample),
      output_scale_(output_scale) {
  if (in != out) shortcut_.emplace(scope.child("conv_shortcut"), in, out, 1);
}

at::Tensor ResnetBlock::resampled(const at::Tensor& x) const {
  switch (resample_) {
    case Resample::down:
      return at::avg_pool2d(x, {2, 2}, {2, 2});
    case Resample::up:
      return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
    case Resample::none:
      break;
  }
  return x;
}

at::Tensor ResnetBlock::operator()(const at::Tensor& x, const at::Tensor& temb) const {
  at::Tensor h = conv1_(resampled(activate(activation_, norm1_(x))));
  const at::Tensor time = time_projection_(activate(activation_, temb)).unsqueeze(-1).unsqueeze(-1);
  if (scale_shift_) {
    const auto parts = time.chunk(2, 1);
    h = norm2_(h) * (1 + parts[0]) + parts[1];
  } else {
    h = norm2_(h + time);
  }
  h = conv2_(activate(activation_, h));
  const at::Tensor straight = resampled(x);
  const at::Tensor sum = (shortcut_ ? (*shortcut_)(straight) : straight) + h;
  return output_scale_ == 1 ? sum : sum / output_scale_;
}

}  // namespace recon
