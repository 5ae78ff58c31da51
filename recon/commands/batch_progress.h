#pragma once

#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "recon/core/run_controls.h"

namespace recon {

/// Shows a running batch on stderr, fed with the events of run_batch(): on a terminal one line with a bar of all items
/// and one of the running batch, rate, time left and failures; otherwise a plain line at most every five seconds.
/// Failed items get a line of their own. Silent when told so.
class BatchProgress final : public RunObserver {
 public:
  explicit BatchProgress(bool silent);
  ~BatchProgress() override;
  BatchProgress(const BatchProgress&) = delete;
  BatchProgress& operator=(const BatchProgress&) = delete;

  void tell(const nlohmann::ordered_json& event);
  void begin(const std::string&, std::int64_t) override {}  ///< the event "computing" says more
  void step(const ProgressEvent& event) override;
  void end() override {}

 private:
  using Clock = std::chrono::steady_clock;
  std::string line() const;
  void show(bool now);
  void end_line();

  std::mutex mutex_;  ///< events come from several threads
  bool silent_, terminal_;
  std::size_t items_ = 0, batches_ = 1, batches_done_ = 0, first_done_ = 0, failed_ = 0;
  std::string label_;
  ProgressEvent step_;
  Clock::time_point start_ = Clock::now(), shown_;
  bool open_ = false;  ///< a bar stands on the current line
};

}  // namespace recon
