#include "priors/networks/unet2d.h"

#include <ATen/ATen.h>

namespace recon {

UNet2D::UNet2D(const UNet2DConfig& config, ParameterSource& source) : config_(config) {
  const ParameterScope scope(source, parameters_);
  const auto& channels = config.channels;
  const std::size_t levels = channels.size();
  const BlockStyle style{.time_channels = config.time_embedding_dim.value_or(4 * channels.front()),
                         .groups = config.groups_of(channels.back()),
                         .eps = config.norm_eps,
                         .activation = config.activation,
                         .scale_shift = config.scale_shift};
  conv_in_.emplace(scope.child("conv_in"), config.in_channels, channels.front(), 3);
  time_embedding_.emplace(scope, TimeEmbeddingOptions{.fourier = config.fourier_time,
                                                      .channels = channels.front(),
                                                      .out_channels = style.time_channels,
                                                      .flip_sin_to_cos = config.flip_sin_to_cos,
                                                      .freq_shift = static_cast<double>(config.freq_shift)});
  if (config.classes.count > 0) {
    class_embedding_ = scope.child("class_embedding").get("weight", {config.classes.count, style.time_channels});
  }
  for (std::size_t i = 0; i < levels; ++i) {
    const LevelShape shape{channels[i == 0 ? 0 : i - 1], channels[i], config.layers_per_block, i + 1 == levels};
    down_.emplace_back(scope.child("down_blocks", i), config.down[i], shape, config, style);
  }
  if (config.mid_block) mid_.emplace(scope.child("mid_block"), config, style);
  for (std::size_t i = 0; i < levels; ++i) {
    const std::size_t level = levels - 1 - i;
    const std::int64_t previous = channels[std::min(level + 1, levels - 1)];
    const LevelShape shape{channels[level == 0 ? 0 : level - 1], channels[level], config.layers_per_block + 1,
                           level == 0};
    up_.emplace_back(scope.child("up_blocks", i), config.up[i], shape, previous, config, style);
  }
  norm_out_.emplace(scope.child("conv_norm_out"), channels.front(), config.groups_of(channels.front()),
                    config.norm_eps);
  conv_out_.emplace(scope.child("conv_out"), channels.front(), config.out_channels, 3);
}

FeatureMap UNet2D::through(Execution& run, const FeatureMap& x, const at::Tensor& t) const {
  at::Tensor temb = (*time_embedding_)(t);
  if (class_embedding_.defined()) temb = temb + class_embedding_[config_.classes.chosen.value()];
  Bypass bypass{.features = {}, .image = x};
  if (config_.center_input_sample) {
    const auto centred = [](const std::vector<at::Tensor>& in) { return 2 * in[0] - 1; };
    bypass.image = run({.map = centred, .channels = config_.in_channels}, x);
  }
  const auto first = [this](const std::vector<at::Tensor>& in) { return (*conv_in_)(in[0]); };
  FeatureMap h = run({.map = first, .channels = conv_in_->out_channels()}, bypass.image);
  bypass.features.push_back(h);
  for (const auto& level : down_) h = level(run, std::move(h), temb, bypass);
  if (mid_) h = (*mid_)(run, std::move(h), temb);
  bypass.image = {};
  for (const auto& level : up_) h = level(run, std::move(h), temb, bypass);
  const auto last = [this, t](const std::vector<at::Tensor>& in) {
    const at::Tensor out = (*conv_out_)(in[0]);
    const at::Tensor sum = in.size() > 1 ? out + in[1] : out;
    return config_.fourier_time ? sum / t.reshape({-1, 1, 1, 1}) : sum;
  };
  const Pass pass{
      .map = last, .channels = conv_out_->out_channels(), .norm = &*norm_out_, .activation = Activation::silu};
  return bypass.image.defined() ? run(pass, std::move(h), bypass.image) : run(pass, std::move(h));
}

std::shared_ptr<const Network> UNet2D::to(c10::Device device) const {
  CopiedParameters source(parameters_, device);
  return std::make_shared<UNet2D>(config_, source);
}

}  // namespace recon
