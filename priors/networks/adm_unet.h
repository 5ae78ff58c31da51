#pragma once

#include <optional>
#include <vector>

#include "priors/networks/adm_config.h"
#include "priors/networks/fused_attention.h"
#include "priors/networks/layered_network.h"
#include "priors/networks/resnet_block.h"
#include "priors/networks/time_embedding.h"

namespace recon {

/// The U-Net of ADM (Dhariwal & Nichol 2021, section 3 and appendix B), with the parameter names of guided-diffusion's
/// `UNetModel`, so that its state dicts load as they are: the checkpoints of guided-diffusion and of DPS. The time is
/// the index of the schedule's table.
class AdmUNet final : public LayeredNetwork {
 public:
  /// `config` complete().
  AdmUNet(const AdmConfig& config, ParameterSource& source);

  FeatureMap through(Execution& run, const FeatureMap& x, const at::Tensor& t) const override;
  std::int64_t in_channels() const override { return config_.in_channels; }
  std::int64_t out_channels() const override { return config_.out_channels(); }
  std::int64_t size_multiple() const override { return config_.size_multiple(); }
  std::shared_ptr<const Network> to(c10::Device device) const override;

 private:
  /// What guided-diffusion has in one entry of its lists of blocks, in this order.
  struct Stage {
    std::optional<ResnetBlock> resnet;
    std::optional<FusedAttention> attention;
    std::optional<ResnetBlock> resampling_block;
    std::optional<Conv2d> resampling_conv;
    std::int64_t channels = 0;           ///< after resampling
    Resample resample = Resample::none;  ///< with neither block nor conv: without parameters

    FeatureMap operator()(Execution& run, FeatureMap x, const at::Tensor& temb) const;
  };
  void add_down(const ParameterScope& scope, const BlockStyle& style);
  void add_middle(const ParameterScope& scope, const BlockStyle& style);
  void add_up(const ParameterScope& scope, const BlockStyle& style);
  /// Residual block, and attention where the level has it.
  Stage blocks(const ParameterScope& scope, std::int64_t in, std::size_t level, bool up, const BlockStyle& style) const;
  FusedAttention attention(const ParameterScope& scope, std::int64_t channels, bool up) const;
  void add_resampling(Stage& stage, const ParameterScope& scope, std::int64_t channels, Resample resample,
                      const BlockStyle& style) const;

  AdmConfig config_;
  std::optional<TimeEmbedding> time_embedding_;
  at::Tensor class_embedding_;  ///< [classes, time_channels]
  std::optional<Conv2d> conv_in_;
  std::vector<Stage> down_, middle_, up_;
  std::vector<std::int64_t> skip_channels_;  ///< while building
  std::optional<GroupNorm> norm_out_;
  std::optional<Conv2d> conv_out_;
};

}  // namespace recon
