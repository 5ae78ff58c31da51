#pragma once

#include <optional>

#include "priors/networks/layers.h"

namespace recon {

enum class Resample { none, down, up };  ///< 2x2 mean, nearest neighbour

/// What all blocks of one U-Net have in common.
struct BlockStyle {
  std::int64_t time_channels = 0;
  std::int64_t groups = 32;
  double eps = 1e-5;
  Activation activation = Activation::silu;
  bool scale_shift = false;  ///< time enters as scale and shift after the second norm; else it is added before it
};

/// Residual block with time conditioning, as ResnetBlock2D of diffusers (after Ho et al. 2020, appendix B; scale-shift:
/// Dhariwal & Nichol 2021, eq. 3):
///
///     h = conv1(resample(act(norm1(x))))
///     h = norm2(h + p)   or   norm2(h) (1 + scale) + shift,    with p, (scale, shift) = time_emb_proj(act(temb))
///     y = (shortcut(resample(x)) + conv2(act(h))) / output_scale
///
/// x [B, in, H, W], temb [B, time_channels]; the shortcut is a 1x1 convolution where the channels change.
class ResnetBlock {
 public:
  ResnetBlock(const ParameterScope& scope, std::int64_t in, std::int64_t out, const BlockStyle& style,
              Resample resample = Resample::none, double output_scale = 1);
  at::Tensor operator()(const at::Tensor& x, const at::Tensor& temb) const;

 private:
  at::Tensor resampled(const at::Tensor& x) const;

  GroupNorm norm1_;
  Conv2d conv1_;
  Linear time_projection_;
  GroupNorm norm2_;
  Conv2d conv2_;
  std::optional<Conv2d> shortcut_;
  Activation activation_;
  bool scale_shift_;
  Resample resample_;
  double output_scale_;
};

}  // namespace recon
