#include "priors/networks/ncsnpp_unet.h"

#include <ATen/ATen.h>

#include <numbers>

namespace recon {
namespace {

constexpr double kNcsnppEps = 1e-6;
constexpr std::int64_t kNcsnppGroups = 32, kNcsnppGroupChannels = 4;
constexpr ResnetNames kNcsnppNames{.norm1 = "GroupNorm_0",
                                   .conv1 = "Conv_0",
                                   .time = "Dense_0",
                                   .norm2 = "GroupNorm_1",
                                   .conv2 = "Conv_1",
                                   .shortcut = "Conv_2"};
constexpr AttentionNames kNcsnppAttention{
    .norm = "GroupNorm_0", .query = "NIN_0", .key = "NIN_1", .value = "NIN_2", .out = "NIN_3", .transposed = true};

std::int64_t ncsnpp_groups(std::int64_t channels) { return std::min(kNcsnppGroups, channels / kNcsnppGroupChannels); }

}  // namespace

/// The entries of `all_modules`, one after the other.
class NcsnppUNet::Modules {
 public:
  Modules(const ParameterScope& scope, const NcsnppConfig& config)
      : scope_(scope),
        next_(config.embedding_type == TimeFeatures::fourier ? 3 : 2),  // after those of the time
        scale_(config.skip_rescale ? std::numbers::sqrt2 : 1),
        style_{.time_channels = 4 * config.nf,
               .groups = kNcsnppGroups,
               .eps = kNcsnppEps,
               .names = kNcsnppNames,
               .min_group_channels = kNcsnppGroupChannels,
               .fixed_filter = config.fir,
               .project_resampled = true} {}

  ParameterScope next() { return scope_.child(std::to_string(next_++)); }
  ResnetBlock resnet(std::int64_t in, std::int64_t out, Resample resample = Resample::none) {
    return {next(), in, out, style_, resample, scale_};
  }
  Attention attention(std::int64_t channels) {
    return {next(), channels, channels, ncsnpp_groups(channels), kNcsnppEps, scale_, kNcsnppAttention};
  }
  GroupNorm norm(std::int64_t channels) { return {next(), channels, ncsnpp_groups(channels), kNcsnppEps}; }
  Conv2d conv(std::int64_t in, std::int64_t out) { return {next(), in, out, 3}; }

 private:
  ParameterScope scope_;
  std::size_t next_;
  double scale_;
  BlockStyle style_;
};

NcsnppUNet::NcsnppUNet(const NcsnppConfig& config, ParameterSource& source) : config_(config) {
  const ParameterScope scope(source, parameters_);
  sigmas_ = scope.get("sigmas", {config.num_scales});
  const bool fourier = config.embedding_type == TimeFeatures::fourier;
  const ParameterScope all = scope.child("all_modules");
  time_embedding_.emplace(all, TimeEmbeddingOptions{.fourier = fourier,
                                                    .channels = config.nf,
                                                    .out_channels = 4 * config.nf,
                                                    .flip_sin_to_cos = false,
                                                    .freq_shift = 1,
                                                    .first = fourier ? "1" : "0",
                                                    .second = fourier ? "2" : "1",
                                                    .fourier_scope = "0",
                                                    .frequencies = "W"});
  Modules modules(all, config);
  conv_in_ = modules.conv(config.num_channels, config.nf);
  if (config.fir) fir_ = Fir::binomial(conv_in_->weight.options());
  add_down(modules);
  const std::int64_t coarsest = skip_channels_.back();
  ResnetBlock first = modules.resnet(coarsest, coarsest);
  middle_.push_back({std::move(first), modules.attention(coarsest)});
  middle_.push_back({modules.resnet(coarsest, coarsest), std::nullopt});
  add_up(modules);
  if (config.progressive == NcsnppOutput::output_skip) return;
  norm_out_ = modules.norm(config.channels(0));
  conv_out_ = modules.conv(config.channels(0), config.num_channels);
}

void NcsnppUNet::add_down(Modules& modules) {
  std::int64_t channels = config_.nf, image_channels = config_.num_channels;
  skip_channels_ = {channels};
  for (std::size_t level = 0; level < config_.ch_mult.size(); ++level) {
    DownStage stage;
    for (std::int64_t i = 0; i < config_.num_res_blocks; ++i) {
      stage.blocks.push_back({modules.resnet(channels, config_.channels(level)), std::nullopt});
      channels = config_.channels(level);
      if (config_.attends(level)) stage.blocks.back().attention = modules.attention(channels);
      skip_channels_.push_back(channels);
    }
    if (level + 1 < config_.ch_mult.size()) {
      stage.halving = modules.resnet(channels, channels, Resample::down);
      if (config_.progressive_input == NcsnppInput::input_skip) {
        stage.image_conv.emplace(modules.next().child("Conv_0"), config_.num_channels, channels, 1);
      } else if (config_.progressive_input == NcsnppInput::residual) {
        stage.image_halving.emplace(modules.next().child("Conv2d_0"), image_channels, channels, *fir_);
        image_channels = channels;
      }
      skip_channels_.push_back(channels);
    }
    down_.push_back(std::move(stage));
  }
}

void NcsnppUNet::add_up(Modules& modules) {
  std::int64_t channels = skip_channels_.back();
  for (std::size_t level = config_.ch_mult.size(); level-- > 0;) {
    UpStage stage;
    for (std::int64_t i = 0; i <= config_.num_res_blocks; ++i) {
      stage.blocks.push_back(modules.resnet(channels + skip_channels_.back(), config_.channels(level)));
      skip_channels_.pop_back();
      channels = config_.channels(level);
    }
    if (config_.attends(level)) stage.attention = modules.attention(channels);
    if (config_.progressive == NcsnppOutput::output_skip) {
      stage.image_norm = modules.norm(channels);
      stage.image_conv = modules.conv(channels, config_.num_channels);
    }
    if (level > 0) stage.doubling = modules.resnet(channels, channels, Resample::up);
    up_.push_back(std::move(stage));
  }
}

at::Tensor NcsnppUNet::resampled(const at::Tensor& x, Resample resample) const {
  if (fir_) return (*fir_)(x, resample);
  if (resample == Resample::down) return at::avg_pool2d(x, {2, 2}, {2, 2});
  return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
}

FeatureMap NcsnppUNet::halved(Execution& run, const DownStage& stage, FeatureMap h, const at::Tensor& temb,
                              FeatureMap& image) const {
  h = (*stage.halving)(run, h, temb);
  if (stage.image_halving) {
    const HalvingConv& own = *stage.image_halving;
    const auto joined = [&own, scale = config_.skip_rescale ? std::numbers::sqrt2 : 1.0](
                            const std::vector<at::Tensor>& in) { return (in[0] + own(in[1])) / scale; };
    return image = run({.map = joined, .channels = own.out_channels(), .reach = own.fir.reach()}, std::move(h), image);
  }
  if (!stage.image_conv) return h;
  const auto smaller = [this](const std::vector<at::Tensor>& in) { return resampled(in[0], Resample::down); };
  image = run({.map = smaller, .channels = config_.num_channels, .resample = Resample::down}, image);
  const auto added = [&conv = *stage.image_conv](const std::vector<at::Tensor>& in) { return in[0] + conv(in[1]); };
  return run({.map = added, .channels = stage.image_conv->out_channels()}, std::move(h), image);
}

FeatureMap NcsnppUNet::output_past(Execution& run, const UpStage& stage, const FeatureMap& h,
                                   const FeatureMap& image) const {
  const auto added = [&conv = *stage.image_conv](const std::vector<at::Tensor>& in) {
    const at::Tensor more = conv(in[0]);
    return in.size() > 1 ? in[1] + more : more;
  };
  const Pass pass{
      .map = added, .channels = config_.num_channels, .norm = &*stage.image_norm, .activation = Activation::silu};
  if (!image.defined()) return run(pass, h);
  const auto larger = [this](const std::vector<at::Tensor>& in) { return resampled(in[0], Resample::up); };
  return run(pass, h, run({.map = larger, .channels = config_.num_channels, .resample = Resample::up}, image));
}

at::Tensor NcsnppUNet::sigma_of(const at::Tensor& t) const {
  if (config_.embedding_type == TimeFeatures::fourier) return t;
  const at::Tensor at_index = t.clamp(0, static_cast<double>(config_.num_scales - 1));
  const at::Tensor below = at_index.floor().clamp_max(static_cast<double>(config_.num_scales - 2));
  const at::Tensor logs = sigmas_.log(), index = below.to(at::kLong);
  return at::lerp(logs.index_select(0, index), logs.index_select(0, index + 1), at_index - below).exp();
}

FeatureMap NcsnppUNet::through(Execution& run, const FeatureMap& x, const at::Tensor& t) const {
  const at::Tensor temb = (*time_embedding_)(t);
  FeatureMap image = x;
  if (!config_.centered) {
    const auto centred = [](const std::vector<at::Tensor>& in) { return 2 * in[0] - 1; };
    image = run({.map = centred, .channels = config_.num_channels}, x);
  }
  const auto first = [this](const std::vector<at::Tensor>& in) { return (*conv_in_)(in[0]); };
  FeatureMap h = run({.map = first, .channels = conv_in_->out_channels()}, image);
  std::vector<FeatureMap> skips{h};
  const auto through_block = [&](const Block& block) {
    h = block.resnet(run, h, temb);
    if (block.attention) h = (*block.attention)(run, h);
  };
  for (const auto& stage : down_) {
    for (const auto& block : stage.blocks) {
      through_block(block);
      skips.push_back(h);
    }
    if (stage.halving) skips.push_back(h = halved(run, stage, std::move(h), temb, image));
  }
  for (const auto& block : middle_) through_block(block);
  image = {};
  for (const auto& stage : up_) {
    for (const auto& block : stage.blocks) {
      h = run.concatenated(h, skips.back());
      skips.pop_back();
      h = block(run, h, temb);
    }
    if (stage.attention) h = (*stage.attention)(run, h);
    if (stage.image_conv) image = output_past(run, stage, h, image);
    if (stage.doubling) h = (*stage.doubling)(run, h, temb);
  }
  const at::Tensor sigma = config_.scale_by_sigma ? sigma_of(t).reshape({-1, 1, 1, 1}) : at::Tensor();
  const auto last = [this, sigma](const std::vector<at::Tensor>& in) {
    const at::Tensor out = conv_out_ ? (*conv_out_)(in[0]) : in[0];
    return sigma.defined() ? out / sigma : out;
  };
  Pass pass{.map = last, .channels = config_.num_channels};
  if (norm_out_) pass.norm = &*norm_out_, pass.activation = Activation::silu;
  return run(pass, norm_out_ ? std::move(h) : std::move(image));
}

std::shared_ptr<const Network> NcsnppUNet::to(c10::Device device) const {
  CopiedParameters source(parameters_, device);
  return std::make_shared<NcsnppUNet>(config_, source);
}

}  // namespace recon
