#pragma once

#include <cstdint>

#include "priors/networks/layered_network.h"

namespace recon {

/// Bytes that a network needs for one batch of images, by the sizes of what its passes read and write. Estimates, on
/// the high side; tests/benchmarks measures them.
struct MemoryNeed {
  std::int64_t whole = 0;        ///< a WholeExecution without a tape
  std::int64_t whole_taped = 0;  ///< with one, and the pullback
  std::int64_t bands = 0;        ///< what a BandedExecution cannot do without, beside its stores
};
MemoryNeed memory_need(const LayeredNetwork& network, const Shape& images);

/// What a pass works with for each row of its output, and the pullback of it: the inputs, their norm and activation,
/// the same in the layout of the convolution, and gradients.
std::int64_t working_bytes_per_row(const Pass& pass, const std::vector<FeatureMap>& inputs);

/// Rows and columns of what a pass gives for inputs of that shape.
Shape output_shape(const Pass& pass, const FeatureMap& first);
/// [B, C, H, W] of all parts together.
Shape shape_of(const FeatureMap& map);

/// Bands have at least so many rows.
inline constexpr std::int64_t kLeastBandRows = 4;

}  // namespace recon
