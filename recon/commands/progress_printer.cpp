#include "recon/commands/progress_printer.h"

#include <fmt/format.h>

#include <algorithm>

#include "recon/core/log.h"

namespace recon {

std::string clock_text(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

void ProgressPrinter::begin(const std::string& label, std::int64_t done) {
  log::debug("begin {}", label);
  line_.start();
  label_ = label;
  first_ = done;
  start_ = Clock::now();
}

void ProgressPrinter::step(const ProgressEvent& event) {
  const bool last = event.step >= event.steps;
  if (!line_.is_due(last)) return;
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(event.step - first_) / seconds : 0;
  StatusText status{
      .label = fmt::format("{} {}/{}", label_, event.step, event.steps),
      .share = static_cast<double>(event.step) / static_cast<double>(std::max<std::int64_t>(event.steps, 1)),
      .facts = {}};
  if (last) {
    status.facts.push_back(clock_text(seconds));
  } else if (rate > 0) {
    status.facts.push_back(clock_text(static_cast<double>(event.steps - event.step) / rate) + " left");
  }
  if (event.chi2) status.facts.push_back(fmt::format("chi2 {:.3g}", *event.chi2));
  if (event.loss) status.facts.push_back(fmt::format("loss {:.4g}", *event.loss));
  if (rate > 0) status.facts.push_back(fmt::format("{:.3g} steps/s", rate));
  line_.show(status);
}

}  // namespace recon
