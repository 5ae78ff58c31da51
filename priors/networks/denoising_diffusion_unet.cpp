#include "priors/networks/denoising_diffusion_unet.h"

#include <ATen/ATen.h>

#include <cmath>

namespace recon {
namespace {

constexpr std::int64_t kLearnedPairs = 4;  ///< keys and values that do not come from the image
constexpr double kLeastLength = 1e-12;
using Unet = DenoisingDiffusionUNet;

}  // namespace

Unet::PixelNorm::PixelNorm(const ParameterScope& scope, std::int64_t channels)
    : gain(scope.get("g", {1, channels, 1, 1})) {}

at::Tensor Unet::PixelNorm::operator()(const at::Tensor& x) const {
  const at::Tensor length = x.norm(2, {1}, /*keepdim=*/true).clamp_min(kLeastLength);
  return x / length * (gain * std::sqrt(static_cast<double>(x.size(1))));
}

Unet::Block::Block(const ParameterScope& scope, std::int64_t in, std::int64_t out, std::int64_t time_channels)
    : time(scope.child("mlp.1"), time_channels, 2 * out),
      conv1(scope.child("block1.proj"), in, out, 3),
      norm1(scope.child("block1.norm"), out),
      conv2(scope.child("block2.proj"), out, out, 3),
      norm2(scope.child("block2.norm"), out) {
  if (in != out) shortcut.emplace(scope.child("res_conv"), in, out, 1);
}

FeatureMap Unet::Block::operator()(Execution& run, const FeatureMap& x, const at::Tensor& temb) const {
  const auto parts = time(at::silu(temb)).unsqueeze(-1).unsqueeze(-1).chunk(2, 1);
  const auto first = [this, scale = parts[0], shift = parts[1]](const std::vector<at::Tensor>& in) {
    return at::silu(norm1(conv1(in[0])) * (scale + 1) + shift);
  };
  const auto second = [this](const std::vector<at::Tensor>& in) {
    return at::silu(norm2(conv2(in[0]))) + (shortcut ? (*shortcut)(in[1]) : in[1]);
  };
  const std::int64_t out = conv1.out_channels();
  return run({.map = second, .channels = out}, run({.map = first, .channels = out}, x), x);
}

Unet::SelfAttention::SelfAttention(const ParameterScope& scope, std::int64_t channels, std::int64_t heads,
                                   std::int64_t head_channels, bool full)
    : heads_(heads),
      head_channels_(head_channels),
      full_(full),
      norm_(scope.child("norm"), channels),
      learned_(scope.get("mem_kv", full ? Shape{2, heads, kLearnedPairs, head_channels}
                                        : Shape{2, heads, head_channels, kLearnedPairs})),
      qkv_(scope.child("to_qkv").get("weight", {3 * heads * head_channels, channels, 1, 1})),
      out_(scope.child(full ? "to_out" : "to_out.0"), heads * head_channels, channels, 1) {
  if (!full) norm_out_.emplace(scope.child("to_out.1"), channels);
}

FeatureMap Unet::SelfAttention::operator()(Execution& run, const FeatureMap& x) const {
  const auto map = [this](const std::vector<at::Tensor>& in) { return in[0] + attended(in[0]); };
  return run({.map = map, .channels = out_.out_channels(), .everywhere = true}, x);
}

at::Tensor Unet::SelfAttention::attended(const at::Tensor& x) const {
  const std::int64_t batch = x.size(0), along = full_ ? 2 : 3;  // the axis of pixels
  const at::Tensor all = at::conv2d(norm_(x), qkv_).reshape({batch, 3, heads_, head_channels_, -1});  // [B, 3, h, c, N]
  const at::Tensor parts = full_ ? all.transpose(3, 4) : all;
  const auto with_learned = [&](std::int64_t which) {
    const at::Tensor learned = learned_[which - 1].expand({batch, -1, -1, -1});
    return at::cat({learned, parts.select(1, which)}, along);
  };
  const at::Tensor query = parts.select(1, 0), key = with_learned(1), value = with_learned(2);
  at::Tensor mixed;  // [B, h, c, N]
  if (full_) {
    mixed = at::scaled_dot_product_attention(query, key, value).transpose(2, 3);
  } else {
    const at::Tensor context = at::matmul(key.softmax(3), value.transpose(2, 3));  // [B, h, c, c]
    const double scale = 1 / std::sqrt(static_cast<double>(head_channels_));
    mixed = at::matmul(context.transpose(2, 3), query.softmax(2) * scale);
  }
  const at::Tensor out = out_(mixed.reshape({batch, heads_ * head_channels_, x.size(2), x.size(3)}));
  return norm_out_ ? (*norm_out_)(out) : out;
}

Unet::Block Unet::block(const ParameterScope& scope, std::int64_t in, std::int64_t out) const {
  return {scope, in, out, 4 * config_.dim};
}

Unet::SelfAttention Unet::attention(const ParameterScope& scope, std::int64_t channels, std::size_t level,
                                    bool full) const {
  return {scope, channels, config_.attn_heads[level], config_.attn_dim_head[level], full};
}

DenoisingDiffusionUNet::DenoisingDiffusionUNet(const DenoisingDiffusionConfig& config, ParameterSource& source)
    : config_(config) {
  const ParameterScope scope(source, parameters_);
  const std::size_t levels = config.levels();
  const std::int64_t channels = config.self_condition ? 2 * config.channels : config.channels;
  conv_in_.emplace(scope.child("init_conv"), channels, config.first_channels(), 7);
  time_embedding_.emplace(scope, TimeEmbeddingOptions{.channels = config.dim,
                                                      .out_channels = 4 * config.dim,
                                                      .flip_sin_to_cos = false,
                                                      .freq_shift = 1,
                                                      .longest_period = config.sinusoidal_pos_emb_theta,
                                                      .activation = Activation::gelu,
                                                      .first = "time_mlp.1",
                                                      .second = "time_mlp.3"});
  const auto full = [&](std::size_t level) { return config.full_attn[level] == "true"; };
  for (std::size_t i = 0; i < levels; ++i) {
    const ParameterScope at = scope.child("downs", i);
    const std::int64_t in = config.level_in(i), out = config.level_out(i);
    const bool last = i + 1 == levels;
    down_.push_back({block(at.child("0"), in, in), block(at.child("1"), in, in),
                     attention(at.child("2"), in, i, full(i)),
                     last ? Conv2d(at.child("3"), in, out, 3) : Conv2d(at.child("3.1"), 4 * in, out, 1),
                     last ? Resample::none : Resample::down});
  }
  const std::int64_t coarsest = config.level_out(levels - 1);
  middle_.push_back(block(scope.child("mid_block1"), coarsest, coarsest));
  middle_attention_ = attention(scope.child("mid_attn"), coarsest, levels - 1, true);
  middle_.push_back(block(scope.child("mid_block2"), coarsest, coarsest));
  for (std::size_t i = levels; i-- > 0;) {
    const ParameterScope at = scope.child("ups", levels - 1 - i);
    const std::int64_t in = config.level_in(i), out = config.level_out(i);
    up_.push_back({block(at.child("0"), out + in, out), block(at.child("1"), out + in, out),
                   attention(at.child("2"), out, i, full(i)), Conv2d(at.child(i == 0 ? "3" : "3.1"), out, in, 3),
                   i == 0 ? Resample::none : Resample::up});
  }
  const std::int64_t first = config.first_channels();
  last_block_ = block(scope.child("final_res_block"), 2 * first, first);
  conv_out_.emplace(scope.child("final_conv"), first, config.out_channels(), 1);
}

FeatureMap Unet::Level::operator()(Execution& run, const FeatureMap& x) const {
  const auto map = [this](const std::vector<at::Tensor>& in) {
    if (resample == Resample::down) return resampling(at::pixel_unshuffle(in[0], 2));
    if (resample == Resample::none) return resampling(in[0]);
    return resampling(at::upsample_nearest2d(in[0], {2 * in[0].size(2), 2 * in[0].size(3)}));
  };
  return run({.map = map, .channels = resampling.out_channels(), .resample = resample}, x);
}

FeatureMap Unet::through(Execution& run, const FeatureMap& x, const at::Tensor& t) const {
  const at::Tensor temb = (*time_embedding_)(t);
  const auto first = [this](const std::vector<at::Tensor>& in) {
    return (*conv_in_)(config_.self_condition ? at::cat({at::zeros_like(in[0]), in[0]}, 1) : in[0]);
  };
  const FeatureMap begin = run({.map = first, .channels = conv_in_->out_channels()}, x);
  FeatureMap h = begin;
  std::vector<FeatureMap> skips;
  for (const auto& level : down_) {
    skips.push_back(h = level.first(run, h, temb));
    h = level.attention(run, level.second(run, h, temb));
    skips.push_back(h);
    h = level(run, h);
  }
  h = (*middle_attention_)(run, middle_[0](run, h, temb));
  h = middle_[1](run, h, temb);
  const auto beside_skip = [&] {
    h = run.concatenated(h, skips.back());
    skips.pop_back();
    return h;
  };
  for (const auto& level : up_) {
    h = level.first(run, beside_skip(), temb);
    h = level.attention(run, level.second(run, beside_skip(), temb));
    h = level(run, h);
  }
  h = (*last_block_)(run, run.concatenated(h, begin), temb);
  const auto last = [this](const std::vector<at::Tensor>& in) { return (*conv_out_)(in[0]); };
  return run({.map = last, .channels = conv_out_->out_channels()}, std::move(h));
}

std::shared_ptr<const Network> Unet::to(c10::Device device) const {
  CopiedParameters source(parameters_, device);
  return std::make_shared<DenoisingDiffusionUNet>(config_, source);
}

}  // namespace recon
