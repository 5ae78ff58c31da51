#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "priors/networks/layered_network.h"
#include "priors/networks/layers.h"
#include "priors/networks/network_kind.h"
#include "recon/core/parameters.h"
#include "recon/core/words.h"

namespace recon {

/// Whose names the parameters of a DnCNN have, and with which sign its last layer counts.
enum class DnCnnLayout {
  kair,    ///< model.0, model.2, ... : the noise, which is taken from the image
  deepinv  ///< in_conv, conv_list.0, ..., out_conv: a correction, which is added
};
constexpr auto words_of(DnCnnLayout) {
  using enum DnCnnLayout;
  return std::to_array<Word<DnCnnLayout>>({{kair, "kair"}, {deepinv, "deepinv"}});
}

/// The options of a DnCNN under the names of its authors.
struct DnCnnConfig {
  std::int64_t in_channels = 1;
  std::int64_t nc = 64;  ///< channels of the layers between
  std::int64_t nb = 17;  ///< layers
  DnCnnLayout layout = DnCnnLayout::kair;

  void visit(ParameterVisitor& v);
  void complete(const std::string&) const {}
  NetworkFacts facts() const { return {.in_channels = in_channels}; }
};

/// DnCNN (Zhang et al. 2017, section III) as its authors distribute it, its batch normalisation merged into the
/// convolutions: a chain of 3x3 convolutions with ReLU between them. It gives the clean image and does not ask for the
/// noise level: it knows the one level, or the range of levels, that it was trained on.
class DnCnn final : public LayeredNetwork {
 public:
  DnCnn(const DnCnnConfig& config, ParameterSource& source);

  FeatureMap through(Execution& run, const FeatureMap& x, const at::Tensor& t) const override;
  std::int64_t in_channels() const override { return config_.in_channels; }
  std::int64_t out_channels() const override { return config_.in_channels; }
  std::int64_t size_multiple() const override { return 1; }
  std::shared_ptr<const Network> to(c10::Device device) const override;

 private:
  DnCnnConfig config_;
  std::vector<Conv2d> layers_;
};

/// The options of an FFDNet under the names of its authors; those for colour have nc 96 and nb 12.
struct FfdNetConfig {
  std::int64_t in_channels = 1;
  std::int64_t nc = 64;  ///< channels of the layers between
  std::int64_t nb = 15;  ///< layers

  void visit(ParameterVisitor& v);
  void complete(const std::string&) const {}
  NetworkFacts facts() const { return {.in_channels = in_channels, .size_multiple = kSizeMultiple}; }

  static constexpr std::int64_t kSizeMultiple = 2;
};

/// FFDNet (Zhang, Zuo & Zhang 2018, section III): the same chain on blocks of 2x2 pixels as channels, with the noise
/// level as another channel. It gives the clean image. Parameter names are those of KAIR. The time is the noise's
/// standard deviation.
class FfdNet final : public LayeredNetwork {
 public:
  FfdNet(const FfdNetConfig& config, ParameterSource& source);

  FeatureMap through(Execution& run, const FeatureMap& x, const at::Tensor& t) const override;
  std::int64_t in_channels() const override { return config_.in_channels; }
  std::int64_t out_channels() const override { return config_.in_channels; }
  std::int64_t size_multiple() const override { return FfdNetConfig::kSizeMultiple; }
  std::shared_ptr<const Network> to(c10::Device device) const override;

 private:
  FfdNetConfig config_;
  std::vector<Conv2d> layers_;
};

}  // namespace recon
