#include "recon/commands/progress_printer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "recon/core/log.h"

namespace recon {
namespace {

constexpr int bar_width = 24;

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

std::string clock_text(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

ProgressPrinter::ProgressPrinter(bool silent) : silent_(silent), terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressPrinter::~ProgressPrinter() { ProgressPrinter::end(); }

void ProgressPrinter::begin(const std::string& label, std::int64_t done) {
  log::debug("begin {}", label);
  end();
  label_ = label;
  first_ = done;
  start_ = shown_ = Clock::now();
}

std::string ProgressPrinter::line(const ProgressEvent& event, double seconds) const {
  const auto steps = std::max<std::int64_t>(event.steps, 1);
  const double share = std::clamp(static_cast<double>(event.step) / static_cast<double>(steps), 0.0, 1.0);
  const double rate = seconds > 0 ? static_cast<double>(event.step - first_) / seconds : 0;
  std::string text = label_;
  if (terminal_) {
    const auto filled = static_cast<std::size_t>(share * bar_width);
    text += fmt::format(" [{:<{}}]", std::string(filled, '='), bar_width);
  }
  text += fmt::format(" {}/{}", event.step, event.steps);
  if (rate > 0) {
    const double left = static_cast<double>(event.steps - event.step) / rate;
    text += fmt::format("  {:.3g} steps/s  {} left", rate, clock_text(std::max(left, 0.0)));
  }
  if (event.loss) text += fmt::format("  loss {:.4g}", *event.loss);
  if (event.chi2) text += fmt::format("  chi2 {:.3g}", *event.chi2);
  return text;
}

void ProgressPrinter::step(const ProgressEvent& event) {
  if (silent_) return;
  const auto now = Clock::now();
  const double interval = terminal_ ? bar_interval_seconds : line_interval_seconds;
  const bool last = event.step >= event.steps;
  if (seconds_between(shown_, now) < interval && !(terminal_ && last)) return;
  shown_ = now;
  const std::string text = line(event, seconds_between(start_, now));
  if (terminal_) {
    std::fprintf(stderr, "\r%s\x1b[K", text.c_str());
    open_ = true;
  } else {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  std::fflush(stderr);
}

void ProgressPrinter::end() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

}  // namespace recon
