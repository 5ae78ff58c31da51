#pragma once

#include <chrono>
#include <string>

#include "recon/core/run_controls.h"

namespace recon {

/// Seconds between two drawings of a bar on a terminal, and between two lines elsewhere.
inline constexpr double bar_interval_seconds = 0.1, line_interval_seconds = 5;

/// "1:05", "2:00:00".
std::string clock_text(double seconds);

/// Shows running loops on stderr: a bar with rate, time left and chi² on a terminal, otherwise a plain line at most
/// every five seconds. Silent when told so.
class ProgressPrinter final : public RunObserver {
 public:
  explicit ProgressPrinter(bool silent);
  ~ProgressPrinter() override;
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;

  void begin(const std::string& label, std::int64_t done) override;  ///< steps done before do not count as speed
  void step(const ProgressEvent& event) override;
  void end() override;  ///< ends the line of the bar

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(const ProgressEvent& event, double seconds) const;

  bool silent_, terminal_;
  std::string label_;
  std::int64_t first_ = 0;
  Clock::time_point start_, shown_;
  bool open_ = false;  ///< a bar stands on the current line
};

}  // namespace recon
