#pragma once

#include <chrono>
#include <string>

#include "recon/commands/status_line.h"
#include "recon/core/run_controls.h"

namespace recon {

/// "1:05", "2:00:00".
std::string clock_text(double seconds);

/// Shows running loops on stderr, one after the other: steps, rate, time left, loss and chi².
class ProgressPrinter final : public RunObserver {
 public:
  explicit ProgressPrinter(bool silent) : line_(silent) {}

  void begin(const std::string& label, std::int64_t done) override;  ///< steps done before do not count as speed
  void step(const ProgressEvent& event) override;
  void end() override { line_.end(); }

 private:
  using Clock = std::chrono::steady_clock;

  StatusLine line_;
  std::string label_;
  std::int64_t first_ = 0;
  Clock::time_point start_;
};

}  // namespace recon
