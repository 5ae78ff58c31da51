#include "priors/networks/resnet_block.h"

#include <ATen/ATen.h>

namespace recon {

ResnetBlock::ResnetBlock(const ParameterScope& scope, std::int64_t in, std::int64_t out, const BlockStyle& style,
                         Resample resample, double output_scale)
    : norm1_(scope.child(style.names.norm1), in, style.input_groups > 0 ? style.input_groups : style.groups_of(in),
             style.eps),
      conv1_(scope.child(style.names.conv1), in, out, 3),
      time_projection_(scope.child(style.names.time), style.time_channels, style.scale_shift ? 2 * out : out),
      norm2_(scope.child(style.names.norm2), out, style.groups_of(out), style.eps),
      conv2_(scope.child(style.names.conv2), out, out, 3),
      activation_(style.activation),
      scale_shift_(style.scale_shift),
      resample_(resample),
      output_scale_(output_scale) {
  const bool changes = resample != Resample::none;
  if (in != out || (changes && style.project_resampled))
    shortcut_.emplace(scope.child(style.names.shortcut), in, out, 1);
  if (changes && style.filter_taps > 0) {
    fir_.emplace(scope.child(style.names.conv1), style.filter_taps);
    shortcut_fir_.emplace(scope.child(style.names.shortcut), style.filter_taps);
  }
  if (changes && style.fixed_filter) fir_ = shortcut_fir_ = Fir::binomial(conv1_.weight.options());
}

at::Tensor ResnetBlock::resampled(const at::Tensor& x, const std::optional<Fir>& fir) const {
  if (fir) return (*fir)(x, resample_);
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

std::int64_t ResnetBlock::reach() const {
  return std::max({Pass::kReach, fir_ ? fir_->reach() : 0, shortcut_fir_ ? shortcut_fir_->reach() : 0});
}

FeatureMap ResnetBlock::operator()(Execution& run, const FeatureMap& x, const at::Tensor& temb) const {
  const at::Tensor time = time_projection_(activate(activation_, temb)).unsqueeze(-1).unsqueeze(-1);
  const auto first = [this, time](const std::vector<at::Tensor>& in) {
    const at::Tensor h = conv1_(resampled(in[0], fir_));
    return scale_shift_ ? h : h + time;
  };
  const auto second = [this, time](const std::vector<at::Tensor>& in) {
    at::Tensor h = in[0];
    if (scale_shift_) {
      const auto parts = time.chunk(2, 1);
      h = activate(activation_, h * (1 + parts[0]) + parts[1]);
    }
    h = conv2_(h);
    const at::Tensor straight = resampled(in[1], shortcut_fir_);
    const at::Tensor sum = (shortcut_ ? (*shortcut_)(straight) : straight) + h;
    return output_scale_ == 1 ? sum : sum / output_scale_;
  };
  const std::int64_t out = conv1_.out_channels();
  Pass from_x{.map = first, .channels = out, .resample = resample_, .norm = &norm1_, .reach = reach()};
  Pass from_h{.map = second, .channels = out, .norm = &norm2_, .reach = reach()};
  from_x.activation = activation_;
  if (!scale_shift_) from_h.activation = activation_;
  FeatureMap h = run(std::move(from_x), x);
  return run(std::move(from_h), std::move(h), x);
}

}  // namespace recon
