#include "priors/networks/unet2d.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"

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

at::Tensor UNet2D::forward(const at::Tensor& x, const at::Tensor& t) const {
  require_network_input(*this, x, t, "UNet2D::forward");
  const at::Tensor temb = (*time_embedding_)(t);
  Bypass bypass{.features = {}, .image = config_.center_input_sample ? 2 * x - 1 : x};
  at::Tensor h = (*conv_in_)(bypass.image);
  bypass.features.push_back(h);
  for (const auto& level : down_) h = level(h, temb, bypass);
  if (mid_) h = (*mid_)(h, temb);
  bypass.image = at::Tensor();
  for (const auto& level : up_) h = level(h, temb, bypass);
  h = (*conv_out_)(at::silu((*norm_out_)(h)));
  if (bypass.image.defined()) h = h + bypass.image;
  return config_.fourier_time ? h / t.reshape({-1, 1, 1, 1}) : h;
}

std::shared_ptr<const Network> UNet2D::to(c10::Device device) const {
  CopiedParameters source(parameters_, device);
  return std::make_shared<UNet2D>(config_, source);
}

}  // namespace recon
