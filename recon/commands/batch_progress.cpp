#include "recon/commands/batch_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "recon/commands/progress_printer.h"

namespace recon {

StatusText BatchProgress::status() const {
  const double items_per_batch = static_cast<double>(items_) / static_cast<double>(batches_);
  const double done = items_per_batch * static_cast<double>(batches_done_), all = static_cast<double>(items_);
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = items_per_batch * static_cast<double>(batches_done_ - first_done_) / seconds;
  StatusText status{
      .label = fmt::format("{:.0f}/{} items", done, items_), .share = items_ > 0 ? done / all : 0, .facts = {}};
  if (rate > 0) status.facts.push_back(clock_text((all - done) / rate) + " left");
  if (failed_ > 0) status.facts.push_back(fmt::format("{} failed", failed_));
  if (!label_.empty()) {
    status.facts.push_back(step_.steps > 0 ? fmt::format("{} {}/{}", label_, step_.step, step_.steps) : label_);
  }
  if (rate > 0) status.facts.push_back(fmt::format("{:.3g} items/s", rate));
  return status;
}

void BatchProgress::show(bool now) {
  if (line_.is_due(now)) line_.show(status());
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
    if (line_.silent()) return;
    line_.end();
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
