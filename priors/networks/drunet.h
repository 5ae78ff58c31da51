#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "priors/networks/layered_network.h"
#include "priors/networks/layers.h"
#include "priors/networks/network_kind.h"
#include "recon/core/parameters.h"

namespace recon {

/// The options of a DRUNet under the names of its authors.
struct DrunetConfig {
  std::int64_t in_channels = 3;                        ///< of the image, without the map of the noise level
  std::vector<std::int64_t> nc = {64, 128, 256, 512};  ///< channels of the four levels, finest first
  std::int64_t nb = 4;                                 ///< residual blocks of a level, on each way

  void visit(ParameterVisitor& v);
  /// Throws Error(data) at `location` for another number of levels.
  void complete(const std::string& location) const;
  NetworkFacts facts() const { return {.in_channels = in_channels, .size_multiple = kSizeMultiple}; }

  static constexpr std::int64_t kSizeMultiple = 8;
};

/// The denoiser of DPIR (Zhang et al. 2021, section 3.1): a U-Net of four levels without biases, whose residual blocks
/// are x + conv(relu(conv(x))), with strided and transposed 2x2 convolutions between levels and skips that are added.
/// The noise level is another channel of the input, constant over the image. It gives the clean image. Parameter names
/// are those of `UNetRes` of DPIR and KAIR and of `DRUNet` of deepinv. The time is the noise's standard deviation.
class Drunet final : public LayeredNetwork {
 public:
  /// `config` complete().
  Drunet(const DrunetConfig& config, ParameterSource& source);

  FeatureMap through(Execution& run, const FeatureMap& x, const at::Tensor& t) const override;
  std::int64_t in_channels() const override { return config_.in_channels; }
  std::int64_t out_channels() const override { return config_.in_channels; }
  std::int64_t size_multiple() const override { return DrunetConfig::kSizeMultiple; }
  std::shared_ptr<const Network> to(c10::Device device) const override;

 private:
  /// The two convolutions of a residual block.
  struct Block {
    FeatureMap operator()(Execution& run, const FeatureMap& x) const;
    Conv2d first, second;
  };
  std::vector<Block> blocks(const ParameterScope& scope, std::size_t first, std::size_t level) const;

  DrunetConfig config_;
  std::optional<Conv2d> head_, tail_;
  std::vector<std::vector<Block>> down_, up_;  ///< by level, finest first
  std::vector<Block> body_;
  std::vector<at::Tensor> downsampling_, upsampling_;  ///< between a level and the next
};

/// The noise level `t` [B] as a channel of its own, [B, 1, H, W] of x's size.
at::Tensor noise_level_channel(const at::Tensor& x, const at::Tensor& t);

}  // namespace recon
