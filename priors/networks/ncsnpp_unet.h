#pragma once

#include <optional>
#include <vector>

#include "priors/networks/attention.h"
#include "priors/networks/fir.h"
#include "priors/networks/layered_network.h"
#include "priors/networks/ncsnpp_config.h"
#include "priors/networks/resnet_block.h"
#include "priors/networks/time_embedding.h"

namespace recon {

/// NCSN++ and DDPM++ (Song et al. 2021, appendix H) with the parameter names of score_sde's `NCSNpp`, `all_modules.N`:
/// the checkpoints of score_sde itself and of those who trained with it (score-MRI, DiffusionMBIR, TPDM).
///
/// embedding_type fourier: the time is sigma, and the output, divided by sigma, is the score. positional: the time is
/// the index of a noise level, noisiest first where scale_by_sigma is true; between two of them the output is divided
/// by the sigma between theirs, geometrically.
class NcsnppUNet final : public LayeredNetwork {
 public:
  /// `config` complete().
  NcsnppUNet(const NcsnppConfig& config, ParameterSource& source);

  FeatureMap through(Execution& run, const FeatureMap& x, const at::Tensor& t) const override;
  std::int64_t in_channels() const override { return config_.num_channels; }
  std::int64_t out_channels() const override { return config_.num_channels; }
  std::int64_t size_multiple() const override { return config_.size_multiple(); }
  std::shared_ptr<const Network> to(c10::Device device) const override;

 private:
  struct Block {
    ResnetBlock resnet;
    std::optional<Attention> attention;
  };
  struct DownStage {
    std::vector<Block> blocks;
    std::optional<ResnetBlock> halving;
    std::optional<Conv2d> image_conv;          ///< input_skip
    std::optional<HalvingConv> image_halving;  ///< residual
  };
  struct UpStage {
    std::vector<ResnetBlock> blocks;
    std::optional<Attention> attention;
    std::optional<GroupNorm> image_norm;  ///< output_skip
    std::optional<Conv2d> image_conv;
    std::optional<ResnetBlock> doubling;
  };
  class Modules;

  void add_down(Modules& modules);
  void add_up(Modules& modules);
  FeatureMap halved(Execution& run, const DownStage& stage, FeatureMap h, const at::Tensor& temb,
                    FeatureMap& image) const;
  /// The output so far after a level, whose features are h.
  FeatureMap output_past(Execution& run, const UpStage& stage, const FeatureMap& h, const FeatureMap& image) const;
  at::Tensor resampled(const at::Tensor& x, Resample resample) const;
  at::Tensor sigma_of(const at::Tensor& t) const;

  NcsnppConfig config_;
  at::Tensor sigmas_;  ///< [num_scales], noisiest first
  std::optional<TimeEmbedding> time_embedding_;
  std::optional<Conv2d> conv_in_;
  std::optional<Fir> fir_;
  std::vector<DownStage> down_;
  std::vector<Block> middle_;
  std::vector<UpStage> up_;
  std::vector<std::int64_t> skip_channels_;  ///< while building
  std::optional<GroupNorm> norm_out_;
  std::optional<Conv2d> conv_out_;
};

}  // namespace recon
