#pragma once

#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "recon/commands/status_line.h"
#include "recon/core/run_controls.h"

namespace recon {

/// Shows a running batch on stderr, fed with the events of run_batch(): items done, time left, failures, the running
/// batch, rate. Failed items get a line of their own.
class BatchProgress final : public RunObserver {
 public:
  explicit BatchProgress(bool silent) : line_(silent) {}

  void tell(const nlohmann::ordered_json& event);
  void begin(const std::string&, std::int64_t) override {}  ///< the event "computing" says more
  void step(const ProgressEvent& event) override;
  void end() override {}

 private:
  using Clock = std::chrono::steady_clock;
  StatusText status() const;
  void show(bool now);

  std::mutex mutex_;  ///< events come from several threads
  StatusLine line_;
  std::size_t items_ = 0, batches_ = 1, batches_done_ = 0, first_done_ = 0, failed_ = 0;
  std::string label_;
  ProgressEvent step_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace recon
