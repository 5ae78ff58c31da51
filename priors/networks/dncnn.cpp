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

at::Tensor through_chain(const std::vector<Conv2d>& layers, at::Tensor h) {
  for (std::size_t i = 0; i + 1 < layers.size(); ++i) h = at::relu(layers[i](h));
  return layers.back()(h);
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

at::Tensor DnCnn::forward(const at::Tensor& x, const at::Tensor& t) const {
  require_network_input(*this, x, t, "DnCnn::forward");
  const at::Tensor out = through_chain(layers_, x);
  return config_.layout == DnCnnLayout::kair ? x - out : x + out;
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

at::Tensor FfdNet::forward(const at::Tensor& x, const at::Tensor& t) const {
  require_network_input(*this, x, t, "FfdNet::forward");
  const at::Tensor blocks = at::pixel_unshuffle(x, FfdNetConfig::kSizeMultiple);
  const at::Tensor out = through_chain(layers_, at::cat({blocks, noise_level_channel(blocks, t)}, 1));
  return at::pixel_shuffle(out, FfdNetConfig::kSizeMultiple);
}

std::shared_ptr<const Network> FfdNet::to(c10::Device device) const {
  CopiedParameters copies(parameters_, device);
  return std::make_shared<const FfdNet>(config_, copies);
}

}  // namespace recon
