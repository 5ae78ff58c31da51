#include "priors/networks/adm_unet.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr double kEps = 1e-5;
constexpr ResnetNames kAdmNames{.norm1 = "in_layers.0",
                                .conv1 = "in_layers.2",
                                .time = "emb_layers.1",
                                .norm2 = "out_layers.0",
                                .conv2 = "out_layers.3",
                                .shortcut = "skip_connection"};

}  // namespace

AdmUNet::AdmUNet(const AdmConfig& config, ParameterSource& source) : config_(config) {
  const ParameterScope scope(source, parameters_);
  const BlockStyle style{.time_channels = 4 * config.num_channels,
                         .groups = config.norm_groups,
                         .eps = kEps,
                         .scale_shift = config.use_scale_shift_norm,
                         .names = kAdmNames};
  time_embedding_.emplace(scope, TimeEmbeddingOptions{.channels = config.num_channels,
                                                      .out_channels = style.time_channels,
                                                      .first = "time_embed.0",
                                                      .second = "time_embed.2"});
  if (config.classes.count > 0) {
    class_embedding_ = scope.child("label_emb").get("weight", {config.classes.count, style.time_channels});
  }
  add_down(scope, style);
  add_middle(scope, style);
  add_up(scope, style);
  norm_out_.emplace(scope.child("out.0"), config.channels(0), config.norm_groups, kEps);
  conv_out_.emplace(scope.child("out.2"), config.channels(0), config.out_channels(), 3);
}

FusedAttention AdmUNet::attention(const ParameterScope& scope, std::int64_t channels, bool up) const {
  return {scope, channels, config_.heads(channels, up),
          FusedAttentionStyle{
              .groups = config_.norm_groups,
              .eps = kEps,
              .order = config_.use_new_attention_order ? QkvOrder::qkv_heads_channels : QkvOrder::heads_qkv_channels}};
}

AdmUNet::Stage AdmUNet::blocks(const ParameterScope& scope, std::int64_t in, std::size_t level, bool up,
                               const BlockStyle& style) const {
  Stage stage;
  const std::int64_t out = config_.channels(level);
  stage.resnet.emplace(scope.child("0"), in, out, style);
  if (config_.attends(level)) stage.attention.emplace(attention(scope.child("1"), out, up));
  return stage;
}

void AdmUNet::add_resampling(Stage& stage, const ParameterScope& scope, std::int64_t channels, Resample resample,
                             const BlockStyle& style) const {
  stage.resample = resample;
  stage.channels = channels;
  const bool down = resample == Resample::down;
  if (config_.resblock_updown) {
    stage.resampling_block.emplace(scope, channels, channels, style, resample);
  } else if (config_.conv_resample) {
    stage.resampling_conv.emplace(scope.child(down ? "op" : "conv"), channels, channels, 3, down ? 2 : 1);
  }
}

void AdmUNet::add_down(const ParameterScope& scope, const BlockStyle& style) {
  const auto next = [&] { return scope.child("input_blocks", down_.size() + 1); };  // 0 is the convolution
  std::int64_t channels = config_.channels(0);
  conv_in_.emplace(scope.child("input_blocks.0.0"), config_.in_channels, channels, 3);
  skip_channels_ = {channels};
  for (std::size_t level = 0; level < config_.channel_mult.size(); ++level) {
    for (std::int64_t i = 0; i < config_.num_res_blocks; ++i) {
      down_.push_back(blocks(next(), channels, level, false, style));
      channels = config_.channels(level);
      skip_channels_.push_back(channels);
    }
    if (level + 1 == config_.channel_mult.size()) continue;
    Stage halving;
    add_resampling(halving, next().child("0"), channels, Resample::down, style);
    down_.push_back(std::move(halving));
    skip_channels_.push_back(channels);
  }
}

void AdmUNet::add_middle(const ParameterScope& scope, const BlockStyle& style) {
  const std::int64_t channels = config_.channels(config_.channel_mult.size() - 1);
  Stage first, second;
  first.resnet.emplace(scope.child("middle_block", 0), channels, channels, style);
  first.attention.emplace(attention(scope.child("middle_block", 1), channels, false));
  second.resnet.emplace(scope.child("middle_block", 2), channels, channels, style);
  middle_.push_back(std::move(first));
  middle_.push_back(std::move(second));
}

void AdmUNet::add_up(const ParameterScope& scope, const BlockStyle& style) {
  std::int64_t channels = skip_channels_.back();
  for (std::size_t level = config_.channel_mult.size(); level-- > 0;) {
    for (std::int64_t i = 0; i <= config_.num_res_blocks; ++i) {
      const ParameterScope location = scope.child("output_blocks", up_.size());
      Stage stage = blocks(location, channels + skip_channels_.back(), level, true, style);
      skip_channels_.pop_back();
      channels = config_.channels(level);
      if (level > 0 && i == config_.num_res_blocks) {
        add_resampling(stage, location.child(stage.attention ? "2" : "1"), channels, Resample::up, style);
      }
      up_.push_back(std::move(stage));
    }
  }
}

FeatureMap AdmUNet::Stage::operator()(Execution& run, FeatureMap x, const at::Tensor& temb) const {
  if (resnet) x = (*resnet)(run, x, temb);
  if (attention) x = (*attention)(run, x);
  if (resampling_block) return (*resampling_block)(run, x, temb);
  if (resample == Resample::none) return x;
  const auto resampled = [this](const std::vector<at::Tensor>& in) {
    at::Tensor h = in[0];
    if (resample == Resample::up) h = at::upsample_nearest2d(h, {2 * h.size(2), 2 * h.size(3)});
    if (resampling_conv) return (*resampling_conv)(h);
    return resample == Resample::down ? at::avg_pool2d(h, {2, 2}, {2, 2}) : h;
  };
  return run({.map = resampled, .channels = channels, .resample = resample}, std::move(x));
}

FeatureMap AdmUNet::through(Execution& run, const FeatureMap& x, const at::Tensor& t) const {
  at::Tensor temb = (*time_embedding_)(t);
  if (class_embedding_.defined()) temb = temb + class_embedding_[config_.classes.chosen.value()];
  const auto first = [this](const std::vector<at::Tensor>& in) { return (*conv_in_)(in[0]); };
  FeatureMap h = run({.map = first, .channels = conv_in_->out_channels()}, x);
  std::vector<FeatureMap> skips{h};
  for (const auto& stage : down_) skips.push_back(h = stage(run, h, temb));
  for (const auto& stage : middle_) h = stage(run, h, temb);
  for (const auto& stage : up_) {
    h = run.concatenated(h, skips.back());
    skips.pop_back();
    h = stage(run, h, temb);
  }
  const auto last = [this](const std::vector<at::Tensor>& in) { return (*conv_out_)(in[0]); };
  const Pass pass{
      .map = last, .channels = conv_out_->out_channels(), .norm = &*norm_out_, .activation = Activation::silu};
  return run(pass, std::move(h));
}

std::shared_ptr<const Network> AdmUNet::to(c10::Device device) const {
  CopiedParameters source(parameters_, device);
  return std::make_shared<AdmUNet>(config_, source);
}

}  // namespace recon
