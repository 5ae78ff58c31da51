#include "priors/networks/drunet.h"

#include <ATen/ATen.h>

#include "priors/networks/network_limits.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::size_t kLevels = 4;

at::Tensor conv3x3(const at::Tensor& x, const at::Tensor& weight) { return at::conv2d(x, weight, {}, 1, 1); }

}  // namespace

void DrunetConfig::visit(ParameterVisitor& v) {
  const Limits positive{.min = 1, .max = static_cast<double>(kMaxChannels)};
  v.field("in_channels", in_channels, "of the image, without the map of the noise level", positive);
  v.field("nc", nc, "channels of the four levels, finest first", positive);
  // With one block the original's names have no number.
  v.field("nb", nb, "residual blocks of a level, on each way", {.min = 2, .max = 64});
}

void DrunetConfig::complete(const std::string& location) const {
  if (nc.size() != kLevels) throw data_error(location, "'nc': expected {} numbers, got {}", kLevels, nc.size());
}

at::Tensor noise_level_channel(const at::Tensor& x, const at::Tensor& t) {
  return t.reshape({-1, 1, 1, 1}).expand({x.size(0), 1, x.size(2), x.size(3)});
}

Drunet::Drunet(const DrunetConfig& config, ParameterSource& source) : config_(config) {
  const ParameterScope root(source, parameters_);
  const auto& nc = config_.nc;
  head_ = root.child("m_head").get("weight", {nc[0], config_.in_channels + 1, 3, 3});
  const auto nb = static_cast<std::size_t>(config_.nb);
  for (std::size_t level = 0; level + 1 < kLevels; ++level) {
    const ParameterScope down = root.child("m_down" + std::to_string(level + 1));
    down_.push_back(blocks(down, 0, level));
    downsampling_.push_back(down.child(std::to_string(nb)).get("weight", {nc[level + 1], nc[level], 2, 2}));
  }
  body_ = blocks(root.child("m_body"), 0, kLevels - 1);
  for (std::size_t level = 0; level + 1 < kLevels; ++level) {
    const ParameterScope up = root.child("m_up" + std::to_string(level + 1));
    upsampling_.push_back(up.child("0").get("weight", {nc[level + 1], nc[level], 2, 2}));
    up_.push_back(blocks(up, 1, level));
  }
  tail_ = root.child("m_tail").get("weight", {config_.in_channels, nc[0], 3, 3});
}

std::vector<Drunet::Block> Drunet::blocks(const ParameterScope& scope, std::size_t first, std::size_t level) const {
  const std::int64_t channels = config_.nc[level];
  std::vector<Block> made;
  for (std::size_t i = 0; i < static_cast<std::size_t>(config_.nb); ++i) {
    const ParameterScope block = scope.child(std::to_string(first + i)).child("res");
    made.push_back({.first = block.child("0").get("weight", {channels, channels, 3, 3}),
                    .second = block.child("2").get("weight", {channels, channels, 3, 3})});
  }
  return made;
}

FeatureMap Drunet::Block::operator()(Execution& run, const FeatureMap& x) const {
  const auto map = [this](const std::vector<at::Tensor>& in) {
    return in[0] + conv3x3(at::relu(conv3x3(in[0], first)), second);
  };
  return run({.map = map, .channels = second.size(0)}, x);
}

FeatureMap Drunet::through(Execution& run, const FeatureMap& x, const at::Tensor& t) const {
  const auto first = [this, t](const std::vector<at::Tensor>& in) {
    return conv3x3(at::cat({in[0], noise_level_channel(in[0], t)}, 1), head_);
  };
  std::vector<FeatureMap> skips{run({.map = first, .channels = head_.size(0)}, x)};
  for (std::size_t level = 0; level < down_.size(); ++level) {
    FeatureMap h = skips.back();
    for (const auto& block : down_[level]) h = block(run, h);
    const auto halved = [&w = downsampling_[level]](const std::vector<at::Tensor>& in) {
      return at::conv2d(in[0], w, {}, 2);
    };
    const std::int64_t channels = downsampling_[level].size(0);
    skips.push_back(run({.map = halved, .channels = channels, .resample = Resample::down}, std::move(h)));
  }
  FeatureMap h = skips.back();
  for (const auto& block : body_) h = block(run, h);
  for (std::size_t level = up_.size(); level-- > 0;) {
    const auto doubled = [&w = upsampling_[level]](const std::vector<at::Tensor>& in) {
      return at::conv_transpose2d(in[0] + in[1], w, {}, 2);
    };
    const std::int64_t channels = upsampling_[level].size(1);
    h = run({.map = doubled, .channels = channels, .resample = Resample::up}, std::move(h), skips[level + 1]);
    skips.pop_back();
    for (const auto& block : up_[level]) h = block(run, h);
  }
  const auto last = [this](const std::vector<at::Tensor>& in) { return conv3x3(in[0] + in[1], tail_); };
  return run({.map = last, .channels = tail_.size(0)}, std::move(h), skips[0]);
}

std::shared_ptr<const Network> Drunet::to(c10::Device device) const {
  CopiedParameters copies(parameters_, device);
  return std::make_shared<const Drunet>(config_, copies);
}

}  // namespace recon
