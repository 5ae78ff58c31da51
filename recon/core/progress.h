#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

namespace recon {

/// One report of a running loop. Values that an algorithm does not have stay empty.
struct ProgressEvent {
  std::int64_t step = 0;   ///< steps done
  std::int64_t steps = 0;  ///< steps in all
  std::optional<double> chi2 = std::nullopt;
  std::optional<double> relative_sigma = std::nullopt;
  std::optional<double> loss = std::nullopt;  ///< of training
};

/// Called from the loop's own thread after each step; must not throw.
using ProgressObserver = std::function<void(const ProgressEvent&)>;

/// Set from a signal handler or another thread; loops look at it between steps and stop with what they have.
class CancellationToken {
 public:
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

}  // namespace recon
