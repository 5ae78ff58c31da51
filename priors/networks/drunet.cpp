#include "priors/networks/drunet.h"

#include <ATen/ATen.h>

#include "priors/networks/network_limits.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::size_t kLevels = 4;

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
  head_ = Conv2d::without_bias(root.child("m_head"), config_.in_channels + 1, nc[0], 3);
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
  tail_ = Conv2d::without_bias(root.child("m_tail"), nc[0], config_.in_channels, 3);
}

std::vector<Drunet::Block> Drunet::blocks(const ParameterScope& scope, std::size_t first, std::size_t level) const {
  const std::int64_t channels = config_.nc[level];
  std::vector<Block> made;
  for (std::size_t i = 0; i < static_cast<std::size_t>(config_.nb); ++i) {
    const ParameterScope block = scope.child(std::to_string(first + i)).child("res");
    made.push_back({.first = Conv2d::without_bias(block.child("0"), channels, channels, 3),
                    .second = Conv2d::without_bias(block.child("2"), channels, channels, 3)});
  }
  return made;
}

FeatureMap Drunet::Block::operator()(Execution& run, const FeatureMap& x) const {
  const auto map = [this](const std::vector<at::Tensor>& in) { return in[0] + second(at::relu(first(in[0]))); };
  return run({.map = map, .channels = second.out_channels()}, x);
}

FeatureMap Drunet::through(Execution& run, const FeatureMap& x, const at::Tensor& t) const {
  const auto first = [this, t](const std::vector<at::Tensor>& in) {
    return (*head_)(at::cat({in[0], noise_level_channel(in[0], t)}, 1));
  };
  std::vector<FeatureMap> skips{run({.map = first, .channels = head_->out_channels()}, x)};
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
  const auto last = [this](const std::vector<at::Tensor>& in) { return (*tail_)(in[0] + in[1]); };
  return run({.map = last, .channels = tail_->out_channels()}, std::move(h), skips[0]);
}

std::shared_ptr<const Network> Drunet::to(c10::Device device) const {
  CopiedParameters copies(parameters_, device);
  return std::make_shared<const Drunet>(config_, copies);
}

}  // namespace recon
