#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "recon/core/tensor_spec.h"

namespace recon {

/// Which draw of randomness an entry of a batch gets: the item's id (hashed) and the index of its sample.
struct StreamKey {
  std::uint64_t item = 0;
  std::uint32_t sample = 0;
  /// The opposite draw: -z for a normal z, the other end of [0, 1) for a uniform one. It has the same law.
  bool mirrored = false;
  bool operator==(const StreamKey&) const = default;
};

/// 64-bit FNV-1a of a text: item ids and stream names become keys by it. Stable across machines and versions.
std::uint64_t stable_hash(std::string_view text);

/// Counter-based randomness, the only source of it in the project.
///
/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") keyed by (seed, item, sample,
/// stream name) with counter (step, element): the same numbers for any batch size, order, thread count, device or
/// resume point. Normal draws by Box-Muller; the CPU and the GPU agree to the rounding of log and cos.
class Rng {
 public:
  Rng(std::uint64_t seed, std::string_view stream);

  std::uint64_t seed() const { return seed_; }

  /// Standard normal `[keys.size(), spec.shape...]`. For a complex spec the real and the imaginary part are each
  /// N(0, 1) (NOT the torch convention of variance 1/2 each). `like` gives device and precision.
  at::Tensor normal(const std::vector<StreamKey>& keys, std::uint32_t step, const TensorSpec& spec,
                    const at::TensorOptions& like) const;

  /// Uniform on [0, 1), float64 on the CPU, `[keys.size(), spec.shape...]`; real specs only.
  at::Tensor uniform(const std::vector<StreamKey>& keys, std::uint32_t step, const TensorSpec& spec) const;

 private:
  std::uint64_t seed_;
  std::uint64_t stream_;
};

}  // namespace recon
