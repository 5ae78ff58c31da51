#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "priors/networks/execution.h"
#include "priors/networks/fir.h"
#include "priors/networks/layers.h"

namespace recon {

/// What the parts of a residual block are called in a checkpoint; the defaults are those of diffusers.
struct ResnetNames {
  const char *norm1 = "norm1", *conv1 = "conv1", *time = "time_emb_proj";
  const char *norm2 = "norm2", *conv2 = "conv2", *shortcut = "conv_shortcut";
};

/// What all blocks of one U-Net have in common.
struct BlockStyle {
  std::int64_t time_channels = 0;
  std::int64_t groups = 32;
  double eps = 1e-5;
  Activation activation = Activation::silu;
  bool scale_shift = false;  ///< time enters as scale and shift after the second norm; else it is added before it
  ResnetNames names = {};
  std::int64_t min_group_channels =
      0;                           ///< above 0: a norm of C channels has min(groups, C / min_group_channels) groups
  std::int64_t filter_taps = 0;    ///< above 0: resolution changes by the filter that the checkpoint has, see Fir
  bool fixed_filter = false;       ///< resolution changes by Fir::binomial
  bool project_resampled = false;  ///< the shortcut has its convolution too where only the resolution changes
  std::int64_t input_groups = 0;   ///< above 0: of the first norm, where they are not groups_of(in)

  std::int64_t groups_of(std::int64_t channels) const {
    return min_group_channels > 0 ? std::min(groups, channels / min_group_channels) : groups;
  }
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
  FeatureMap operator()(Execution& run, const FeatureMap& x, const at::Tensor& temb) const;
  at::TensorOptions options() const { return conv1_.weight.options(); }  ///< of the parameters

 private:
  at::Tensor resampled(const at::Tensor& x, const std::optional<Fir>& fir) const;
  std::int64_t reach() const;

  GroupNorm norm1_;
  Conv2d conv1_;
  Linear time_projection_;
  GroupNorm norm2_;
  Conv2d conv2_;
  std::optional<Conv2d> shortcut_;
  Activation activation_;
  bool scale_shift_;
  Resample resample_;
  std::optional<Fir> fir_, shortcut_fir_;
  double output_scale_;
};

}  // namespace recon
