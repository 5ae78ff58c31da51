#include "recon/commands/batch_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "recon/commands/progress_printer.h"

namespace recon {
namespace {

std::string bar(double share, int width) {
  const auto filled = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * width);
  return fmt::format("[{:<{}}]", std::string(filled, '='), width);
}

double ratio(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

BatchProgress::BatchProgress(bool silent) : silent_(silent), terminal_(isatty(STDERR_FILENO) == 1) {}

BatchProgress::~BatchProgress() { end_line(); }

std::string BatchProgress::line() const {
  const double items_per_batch = static_cast<double>(items_) / static_cast<double>(batches_);
  const double done = items_per_batch * static_cast<double>(batches_done_);
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = items_per_batch * static_cast<double>(batches_done_ - first_done_) / seconds;
  std::string text = terminal_ ? bar(done / static_cast<double>(items_), 20) + " " : "";
  text += fmt::format("{:.0f}/{} items", done, items_);
  if (rate > 0)
    text += fmt::format("  {:.3g}/s  {} left", rate, clock_text((static_cast<double>(items_) - done) / rate));
  if (failed_ > 0) text += fmt::format("  {} failed", failed_);
  if (!label_.empty()) {
    text += "  " + label_;
    if (step_.steps > 0) {
      if (terminal_) text += " " + bar(ratio(step_.step, step_.steps), 10);
      text += fmt::format(" {}/{}", step_.step, step_.steps);
    }
  }
  return text;
}

void BatchProgress::show(bool now) {
  const double since = std::chrono::duration<double>(Clock::now() - shown_).count();
  if (silent_ || (!now && since < (terminal_ ? bar_interval_seconds : line_interval_seconds))) return;
  shown_ = Clock::now();
  if (terminal_) {
    std::fprintf(stderr, "\r%s\x1b[K", line().c_str());
    open_ = true;
  } else {
    std::fprintf(stderr, "%s\n", line().c_str());
  }
  std::fflush(stderr);
}

void BatchProgress::end_line() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

void BatchProgress::tell(const nlohmann::ordered_json& event) {
  const std::lock_guard lock(mutex_);
  const std::string kind = event.at("event");
  if (kind == "opened") {
    items_ = event.at("items");
    batches_ = std::max(event.at("batches").get<std::size_t>(), std::size_t{1});
    batches_done_ = first_done_ = event.at("batches_done");
    if (first_done_ > 0) show(true);
  } else if (kind == "computing") {
    const auto& ids = event.at("items");
    label_ = ids.size() == 1
                 ? "item " + ids.front().get<std::string>()
                 : fmt::format("items {} to {}", ids.front().get<std::string>(), ids.back().get<std::string>());
    step_ = {};
  } else if (kind == "item") {
    if (!event.contains("error")) return;
    ++failed_;
    if (silent_) return;
    end_line();
    std::fprintf(stderr, "recon: warning: item %s failed: %s\n", event.at("id").get<std::string>().c_str(),
                 event.at("error").get<std::string>().c_str());
  } else if (kind == "durable") {
    batches_done_ = event.at("batches_done");
  } else if (kind == "waiting") {
    label_ = "waiting for other processes";
    step_ = {};
  } else if (kind == "assembling") {
    label_ = "writing the result";
    step_ = {.step = event.at("done"), .steps = event.at("of")};
  }
  show(false);
}

void BatchProgress::step(const ProgressEvent& event) {
  const std::lock_guard lock(mutex_);
  step_ = event;
  show(false);
}

}  // namespace recon
