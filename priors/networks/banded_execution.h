#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "priors/networks/execution.h"
#include "priors/networks/row_store.h"

namespace recon {

/// Each pass some rows at a time, in memory that does not grow with the picture.
///
/// What passes between them is kept in stores: in memory as long as the process stays below the budget, beyond it in
/// scratch files. A norm's statistics are taken over the whole picture before the pass that needs them, so that the
/// result is that of the whole network, at one execution of each layer and `reach` rows more per band. The bands
/// depend on the budget and the picture only, so that results do not depend on what else is in memory.
///
/// The pullback goes back through the passes in the same bands, computing each forward once more (checkpointing: Chen
/// et al. 2016) under autograd, with the norm's scale and shift as inputs of their own; their gradients, summed over
/// the bands, then go through the statistics to all pixels: with m and v the mean and the variance of a channel's N
/// pixels,
///
///     dL/dx += dL/dm / N + dL/dv 2 (x - m) / N
///
/// What is `everywhere` is computed as a whole.
class BandedExecution final : public Execution {
 public:
  static constexpr std::int64_t kBandBytes = std::int64_t{256} << 20;  ///< more makes nothing faster
  struct Options {
    std::int64_t memory = 0;   ///< in bytes, of the whole process
    std::int64_t reserve = 0;  ///< of it, what stores leave for the passes and the solver; a third at least
    bool recording = false;    ///< keeps what the pullback needs
    /// What a band works with at most, and no more than an eighth of the memory, but for the least of bands.
    std::int64_t band_bytes = kBandBytes;
  };
  explicit BandedExecution(const Options& options) : options_(options) {}

  FeatureMap input(const at::Tensor& x) const;     ///< float32 [B, C, H, W]
  at::Tensor tensor(const FeatureMap& map) const;  ///< all rows of it
  FeatureMap concatenated(const FeatureMap& a, const FeatureMap& b) override;

  /// J^T v of what the passes so far made of `x`; as often as needed.
  at::Tensor pullback(const FeatureMap& x, const FeatureMap& out, const at::Tensor& v) const;

 private:
  struct Recorded {
    Pass pass;
    std::vector<FeatureMap> inputs;
    FeatureMap out;
  };
  class Gradients;

  FeatureMap run(Pass pass, std::vector<FeatureMap> inputs) override;
  void pull_back(const Recorded& recorded, Gradients& gradients) const;
  std::shared_ptr<RowStore> make_store(const Shape& shape) const;
  std::int64_t band_rows(const Pass& pass, const std::vector<FeatureMap>& inputs) const;

  Options options_;
  std::vector<Recorded> recorded_;
};

}  // namespace recon
