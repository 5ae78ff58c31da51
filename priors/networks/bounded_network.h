#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "priors/networks/layered_network.h"
#include "priors/networks/memory_need.h"
#include "priors/networks/network_around.h"

namespace recon {

/// A network that keeps to a budget of memory: images that it cannot take as a whole within half of the budget go
/// through it in bands (BandedExecution), forward and backward; the result is the same but for rounding. On the tape
/// it is one step, which may be gone back through as often as one likes.
class BoundedNetwork final : public NetworkAround<LayeredNetwork> {
 public:
  /// `memory` in bytes, of the whole process.
  BoundedNetwork(std::shared_ptr<const LayeredNetwork> network, std::int64_t memory);

  /// Throws Error(usage) where the budget does not even hold the bands.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t) const override;
  std::int64_t most_at_once(std::int64_t height, std::int64_t width, bool with_pullback) const override;
  std::shared_ptr<const Network> to(c10::Device device) const override;

 private:
  MemoryNeed need_of(const Shape& images) const;

  std::int64_t memory_;
  mutable std::mutex mutex_;
  mutable std::map<Shape, MemoryNeed> needs_;  ///< of the sizes that it has seen
};

/// The network itself where it is not a LayeredNetwork: it sees every image as a whole.
std::shared_ptr<const Network> within_memory(const std::shared_ptr<const Network>& network, std::int64_t memory);

}  // namespace recon
