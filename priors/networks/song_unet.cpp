#include "priors/networks/song_unet.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t kGroups = 32;
constexpr ResnetNames kSongNames{
    .norm1 = "norm0", .conv1 = "conv0", .time = "affine", .norm2 = "norm1", .conv2 = "conv1", .shortcut = "skip"};

BlockStyle style_of(const SongConfig& config) {
  return {.time_channels = config.model_channels * config.channel_mult_emb,
          .groups = kGroups,
          .eps = config.family.eps,
          .scale_shift = config.family.adm,
          .names = kSongNames,
          .min_group_channels = kSongGroupChannels,
          .filter_taps = static_cast<std::int64_t>(config.resample_filter.size()),
          .project_resampled = !config.family.adm};
}

}  // namespace

SongUNet::SongUNet(const SongConfig& config, ParameterSource& source) : config_(config) {
  const ParameterScope scope(source, parameters_);
  const std::int64_t features = config.model_channels * config.channel_mult_noise;
  const bool fourier = config.embedding_type == TimeFeatures::fourier;
  time_embedding_.emplace(scope, TimeEmbeddingOptions{.fourier = fourier,
                                                      .log_time = false,
                                                      .channels = fourier ? features / 2 : features,
                                                      .out_channels = config.model_channels * config.channel_mult_emb,
                                                      .flip_sin_to_cos = config.family.adm,
                                                      .freq_shift = config.family.adm ? 0.0 : 1.0,
                                                      .first = "map_layer0",
                                                      .second = "map_layer1",
                                                      .fourier_scope = "map_noise",
                                                      .frequencies = "freqs"});
  if (config.augment_dim > 0) {
    unused_augmentation_ = scope.child("map_augment").get("weight", {features, config.augment_dim});
  }
  if (config.classes.count > 0) {
    const ParameterScope map_label = scope.child("map_label");
    const std::int64_t wide = config.family.adm ? config.model_channels * config.channel_mult_emb : features;
    class_embedding_ = map_label.get("weight", {wide, config.classes.count});
    if (!config.family.adm) class_bias_ = map_label.get("bias", {wide});
  }
  add_encoder(scope.child("enc"));
  add_decoder(scope.child("dec"));
  add_end(scope);
}

SongUNet::Block SongUNet::block(const ParameterScope& scope, std::int64_t in, std::int64_t out, Resample resample,
                                bool attention) const {
  const BlockStyle style = style_of(config_);
  const double output_scale = config_.family.output_scale;
  Block made{ResnetBlock(scope, in, out, style, resample, output_scale), std::nullopt};
  if (attention) {
    made.attention.emplace(scope, out, config_.heads(out),
                           FusedAttentionStyle{.groups = style.groups_of(out),
                                               .eps = style.eps,
                                               .order = QkvOrder::heads_channels_qkv,
                                               .norm = "norm2",
                                               .qkv = "qkv",
                                               .out = "proj",
                                               .axes = {1, 1},
                                               .output_scale = output_scale});
  }
  return made;
}

void SongUNet::add_encoder(const ParameterScope& scope) {
  const auto taps = static_cast<std::int64_t>(config_.resample_filter.size());
  std::int64_t channels = config_.first_channels(), image_channels = config_.in_channels;
  for (std::size_t i = 0; i < config_.channel_mult.size(); ++i) {
    const std::string side = fmt::format("{0}x{0}_", config_.resolution(i));
    Level level;
    if (i == 0) {
      conv_in_.emplace(scope.child(side + "conv"), config_.in_channels, channels, 3);
    } else {
      level.entry.push_back(block(scope.child(side + "down"), channels, channels, Resample::down, false));
      if (config_.encoder_type == SongEncoder::residual) {
        const ParameterScope location = scope.child(side + "aux_residual");
        level.image.emplace(location, image_channels, channels, Fir(location, taps));
        image_channels = channels;
      }
    }
    skip_channels_.push_back(channels);
    for (std::int64_t k = 0; k < config_.num_blocks; ++k) {
      const ParameterScope location = scope.child(fmt::format("{}block{}", side, k));
      level.blocks.push_back(block(location, channels, config_.channels(i), Resample::none, config_.attends(i)));
      channels = config_.channels(i);
      skip_channels_.push_back(channels);
    }
    encoder_.push_back(std::move(level));
  }
}

void SongUNet::add_decoder(const ParameterScope& scope) {
  std::int64_t channels = skip_channels_.back();
  for (std::size_t i = config_.channel_mult.size(); i-- > 0;) {
    const std::string side = fmt::format("{0}x{0}_", config_.resolution(i));
    Level level;
    if (i + 1 == config_.channel_mult.size()) {
      level.entry.push_back(block(scope.child(side + "in0"), channels, channels, Resample::none, true));
      level.entry.push_back(block(scope.child(side + "in1"), channels, channels, Resample::none, false));
    } else {
      level.entry.push_back(block(scope.child(side + "up"), channels, channels, Resample::up, false));
    }
    for (std::int64_t k = 0; k <= config_.num_blocks; ++k) {
      const ParameterScope location = scope.child(fmt::format("{}block{}", side, k));
      const bool attention = (config_.family.adm || k == config_.num_blocks) && config_.attends(i);
      level.blocks.push_back(
          block(location, channels + skip_channels_.back(), config_.channels(i), Resample::none, attention));
      skip_channels_.pop_back();
      channels = config_.channels(i);
    }
    decoder_.push_back(std::move(level));
  }
}

void SongUNet::add_end(const ParameterScope& scope) {
  const std::int64_t channels = config_.channels(0);
  const std::string end = config_.family.adm ? "out_" : fmt::format("dec.{0}x{0}_aux_", config_.resolution(0));
  norm_out_.emplace(scope.child(end + "norm"), channels, style_of(config_).groups_of(channels), config_.family.eps);
  conv_out_.emplace(scope.child(end + "conv"), channels, config_.in_channels, 3);
}

at::Tensor SongUNet::embedded(const at::Tensor& t) const {
  if (!class_embedding_.defined()) return (*time_embedding_)(t);
  const std::int64_t chosen = config_.classes.chosen.value();
  const at::Tensor label = chosen == ClassLabels::kNoClass ? at::zeros_like(class_embedding_.select(1, 0))
                                                           : class_embedding_.select(1, chosen);
  if (config_.family.adm) return (*time_embedding_)(t) + label;
  return (*time_embedding_)(t, label * std::sqrt(static_cast<double>(config_.classes.count)) + class_bias_);
}

FeatureMap SongUNet::through(Execution& run, const FeatureMap& x, const at::Tensor& t) const {
  const at::Tensor temb = embedded(t);
  const auto first = [this](const std::vector<at::Tensor>& in) { return (*conv_in_)(in[0]); };
  FeatureMap h = run({.map = first, .channels = conv_in_->out_channels()}, x), image = x;
  std::vector<FeatureMap> skips;
  for (const auto& level : encoder_) {
    for (const auto& block : level.entry) h = block(run, h, temb);
    if (level.image) {
      const auto joined = [&own = *level.image](const std::vector<at::Tensor>& in) {
        return (in[0] + own(in[1])) / std::numbers::sqrt2;
      };
      const HalvingConv& own = *level.image;
      h = image = run({.map = joined, .channels = own.out_channels(), .reach = own.fir.reach()}, std::move(h), image);
    }
    skips.push_back(h);
    for (const auto& block : level.blocks) skips.push_back(h = block(run, h, temb));
  }
  for (const auto& level : decoder_) {
    for (const auto& block : level.entry) h = block(run, h, temb);
    for (const auto& block : level.blocks) {
      h = run.concatenated(h, skips.back());
      skips.pop_back();
      h = block(run, h, temb);
    }
  }
  const auto last = [this](const std::vector<at::Tensor>& in) { return (*conv_out_)(in[0]); };
  const Pass pass{
      .map = last, .channels = conv_out_->out_channels(), .norm = &*norm_out_, .activation = Activation::silu};
  return run(pass, std::move(h));
}

std::shared_ptr<const Network> SongUNet::to(c10::Device device) const {
  CopiedParameters source(parameters_, device);
  return std::make_shared<SongUNet>(config_, source);
}

}  // namespace recon
