#include "priors/networks/dncnn.h"

#include <ATen/ATen.h>

#include "priors/networks/drunet.h"
#include "priors/networks/network_limits.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr Limits kChainLength{.min = 3, .max = 256};

/// Of the convolution `index` of `count`; ReLU has a number of its own in KAIR's chains.
ParameterScope layer_scope(const ParameterScope& root, DnCnnLayout layout, std::size_t index, std::size_t count) {
  if (layout == DnCnnLayout::kair) return root.child("model", 2 * index);
  if (index == 0) return root.child("in_conv");
  return index + 1 == count ? root.child("out_conv") : root.child("conv_list", index - 1);
}

std::vector<Conv2d> chain(const ParameterScope& root, DnCnnLayout layout, std::int64_t in, std::int64_t between,
                          std::int64_t out, std::int64_t length) {
  std::vector<Conv2d> layers;
  const auto count = static_cast<std::size_t>(length);
  for (std::size_t i = 0; i < count; ++i) {
    layers.emplace_back(layer_scope(root, layout, i, count), i == 0 ? in : between, i + 1 == count ? out : between, 3);
  }
  return layers;
}

/// All but the first and the last of a chain, after the first one's ReLU and each with its own.
FeatureMap through_chain(Execution& run, const std::vector<Conv2d>& layers, FeatureMap h) {
  for (std::size_t i = 1; i + 1 < layers.size(); ++i) {
    const auto map = [&layer = layers[i]](const std::vector<at::Tensor>& in) { return at::relu(layer(in[0])); };
    h = run({.map = map, .channels = layers[i].out_channels()}, std::move(h));
  }
  return h;
}

}  // namespace

void DnCnnConfig::visit(ParameterVisitor& v) {
  const Limits positive{.min = 1, .max = static_cast<double>(kMaxChannels)};
  v.field("in_channels", in_channels, "of the image", positive);
  v.field("nc", nc, "channels of the layers between", positive);
  v.field("nb", nb, "layers", kChainLength);
  v.choice("layout", layout, "whose names the weights have: KAIR's or deepinv's");
}

DnCnn::DnCnn(const DnCnnConfig& config, ParameterSource& source)
    : config_(config),
      layers_(chain(ParameterScope(source, parameters_), config.layout, config.in_channels, config.nc,
                    config.in_channels, config.nb)) {}

FeatureMap DnCnn::through(Execution& run, const FeatureMap& x, const at::Tensor&) const {
  const auto first = [this](const std::vector<at::Tensor>& in) { return at::relu(layers_.front()(in[0])); };
  FeatureMap h = run({.map = first, .channels = layers_.front().out_channels()}, x);
  h = through_chain(run, layers_, std::move(h));
  const auto last = [this](const std::vector<at::Tensor>& in) {
    const at::Tensor out = layers_.back()(in[0]);
    return config_.layout == DnCnnLayout::kair ? in[1] - out : in[1] + out;
  };
  return run({.map = last, .channels = layers_.back().out_channels()}, std::move(h), x);
}

std::shared_ptr<const Network> DnCnn::to(c10::Device device) const {
  CopiedParameters copies(parameters_, device);
  return std::make_shared<const DnCnn>(config_, copies);
}

void FfdNetConfig::visit(ParameterVisitor& v) {
  const Limits positive{.min = 1, .max = static_cast<double>(kMaxChannels)};
  v.field("in_channels", in_channels, "of the image", positive);
  v.field("nc", nc, "channels of the layers between", positive);
  v.field("nb", nb, "layers", kChainLength);
}

FfdNet::FfdNet(const FfdNetConfig& config, ParameterSource& source)
    : config_(config),
      layers_(chain(ParameterScope(source, parameters_), DnCnnLayout::kair, 4 * config.in_channels + 1, config.nc,
                    4 * config.in_channels, config.nb)) {}

FeatureMap FfdNet::through(Execution& run, const FeatureMap& x, const at::Tensor& t) const {
  const auto first = [this, t](const std::vector<at::Tensor>& in) {
    const at::Tensor blocks = at::pixel_unshuffle(in[0], FfdNetConfig::kSizeMultiple);
    return at::relu(layers_.front()(at::cat({blocks, noise_level_channel(blocks, t)}, 1)));
  };
  FeatureMap h = run({.map = first, .channels = layers_.front().out_channels(), .resample = Resample::down}, x);
  h = through_chain(run, layers_, std::move(h));
  const auto last = [this](const std::vector<at::Tensor>& in) {
    return at::pixel_shuffle(layers_.back()(in[0]), FfdNetConfig::kSizeMultiple);
  };
  return run({.map = last, .channels = config_.in_channels, .resample = Resample::up}, std::move(h));
}

std::shared_ptr<const Network> FfdNet::to(c10::Device device) const {
  CopiedParameters copies(parameters_, device);
  return std::make_shared<const FfdNet>(config_, copies);
}

}  // namespace recon
