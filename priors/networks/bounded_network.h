#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "priors/networks/layered_network.h"
#include "priors/networks/memory_need.h"

namespace recon {

/// A network that keeps to a budget of memory: images that it cannot take as a whole within half of the budget go
/// through it in bands (BandedExecution), forward and backward; the result is the same but for rounding. On the tape
/// it is one step, which may be gone back through as often as one likes.
class BoundedNetwork final : public Network {
 public:
  /// `memory` in bytes, of the whole process.
  BoundedNetwork(std::shared_ptr<const LayeredNetwork> network, std::int64_t memory);

  /// Throws Error(usage) where the budget does not even hold the bands.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t) const override;
  std::int64_t in_channels() const override { return network_->in_channels(); }
  std::int64_t out_channels() const override { return network_->out_channels(); }
  std::int64_t size_multiple() const override { return network_->size_multiple(); }
  bool is_convolutional() const override { return network_->is_convolutional(); }
  bool takes_any_layout() const override { return network_->takes_any_layout(); }
  std::int64_t most_at_once(std::int64_t height, std::int64_t width, bool with_pullback) const override;
  std::shared_ptr<const Network> to(c10::Device device) const override;

 private:
  MemoryNeed need_of(const Shape& images) const;

  std::shared_ptr<const LayeredNetwork> network_;
  std::int64_t memory_;
  mutable std::mutex mutex_;
  mutable std::map<Shape, MemoryNeed> needs_;  ///< of the sizes that it has seen
};

/// The network itself where it is not a LayeredNetwork: it sees every image as a whole.
std::shared_ptr<const Network> within_memory(const std::shared_ptr<const Network>& network, std::int64_t memory);

}  // namespace recon
