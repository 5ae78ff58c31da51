#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "priors/networks/network_around.h"

namespace recon {

/// A network on a device that repeats its work: small networks keep a GPU waiting for their hundreds of launches, and a
/// recorded pass is one (CUDA graphs; `DeviceBackend::captured`).
///
/// Per shape, precision, and whether a pullback is wanted, the first calls are the network's own: they let libraries
/// choose their kernels, and what is called twice is not worth a recording. The third is recorded, forward and
/// backward, repeated, and held against the network's own answer. Where the work cannot be recorded (it waits for the
/// device, memory ends) or the repetition differs, the network goes on as it is, and says so once. On the tape a
/// repeated pass is one step, which may be gone back through as often as one likes, also after later passes: it is then
/// repeated first. At most two recordings are kept, since each keeps the memory of its pass.
///
/// Networks that are trained, and calls on the CPU, are never recorded. RECON_GRAPHS=off in the environment records
/// nothing.
class CapturedNetwork final : public NetworkAround<Network> {
 public:
  explicit CapturedNetwork(std::shared_ptr<const Network> network);
  ~CapturedNetwork() override;

  at::Tensor forward(const at::Tensor& x, const at::Tensor& t) const override;
  std::int64_t most_at_once(std::int64_t height, std::int64_t width, bool with_pullback) const override {
    return network_->most_at_once(height, width, with_pullback);
  }
  std::shared_ptr<const Network> to(c10::Device device) const override;

  class Recording;

 private:
  struct Shape;
  /// The recording for such a call; null: the network itself is to be called.
  std::shared_ptr<Recording> recording_of(const at::Tensor& x, const at::Tensor& t, bool taped) const;
  at::Tensor own_forward(const at::Tensor& x, const at::Tensor& t) const;

  mutable std::mutex mutex_;
  mutable std::list<Shape> shapes_;  ///< the last used first
};

/// The network with its work recorded, or itself where it is not recordable.
std::shared_ptr<const Network> captured(const std::shared_ptr<const Network>& network);

}  // namespace recon
