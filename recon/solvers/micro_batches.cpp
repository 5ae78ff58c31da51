#include "recon/solvers/micro_batches.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "priors/networks/row_store.h"
#include "recon/core/device.h"
#include "recon/core/log_once.h"
#include "recon/core/out_of_memory.h"
#include "recon/solvers/peak_memory.h"

namespace recon {
namespace {

/// A look at the first step is worth its time where so many arrays of the size of image and data might not fit into
/// half of the memory: networks keep hundreds for their pullback, other solvers some tens.
constexpr double kArraysWithPrior = 1000, kArraysWithout = 60;
constexpr double kUsableShare = 0.8, kBytesPerMib = 0x1p20;

double bytes_of_entry(const Problem& problem) {
  const auto element = static_cast<double>(problem.y.element_size());
  return element * static_cast<double>(problem.image.numel() + problem.y[0].numel());
}

/// Bytes that may still be taken.
double free_bytes(const Problem& problem, const Controls& controls, double held) {
  const c10::Device device = problem.y.device();
  if (device.is_cpu()) return static_cast<double>(controls.memory) - held;
  return static_cast<double>(device_backend(device).free_bytes(device.index()));
}

/// How many entries fit by the first step of one alone; nothing where all fit without a doubt.
std::optional<std::int64_t> by_first_step(const Problem& problem, bool with_prior, const Controls& controls,
                                          const SolveTogether& solve) {
  if (controls.memory == 0 || problem.batch() == 1) return std::nullopt;
  return_freed_memory();
  const double held = PeakMemory(problem.y.device()).mib() * kBytesPerMib;
  const double left = free_bytes(problem, controls, held);
  const double all = static_cast<double>(problem.batch()) * bytes_of_entry(problem);
  if (all * (with_prior ? kArraysWithPrior : kArraysWithout) < left / 2) return std::nullopt;
  CancellationToken after_one_step;
  const Report step = solve(entries_of(problem, 0, 1), {.seed = controls.seed,
                                                        .observer = [&](const auto&) { after_one_step.cancel(); },
                                                        .cancellation = &after_one_step});
  return_freed_memory();
  const double growth = std::max(step.peak_mib * kBytesPerMib - held, bytes_of_entry(problem));
  const auto fit = static_cast<std::uint64_t>(std::max(1., kUsableShare * left / growth));
  // What is held differs from run to run by some pages: the power of two does not.
  return static_cast<std::int64_t>(std::bit_floor(fit));
}

/// The steps of all parts as those of one loop.
class Progress {
 public:
  Progress(ProgressObserver to, std::int64_t parts) : to_(std::move(to)), parts_(parts) {}

  ProgressObserver of_part() {
    if (!to_) return {};
    return [this](ProgressEvent event) {
      steps_ = event.steps;
      event.step += before_;
      event.steps = before_ + steps_ * parts_;
      to_(event);
    };
  }
  void end_part(std::int64_t parts_left) {
    before_ += steps_;
    parts_ = parts_left;
  }
  void set_parts(std::int64_t left) { parts_ = left; }

 private:
  ProgressObserver to_;
  std::int64_t parts_;
  std::int64_t before_ = 0, steps_ = 0;  ///< of the parts that are done, of the one that runs
};

template <class Values>
void append(Values& all, const Values& more) {
  all.insert(all.end(), more.begin(), more.end());
}

template <class Value>
std::vector<Value> picked(const std::vector<Value>& of, const std::vector<std::int64_t>& which) {
  std::vector<Value> values;
  for (const std::int64_t i : which) values.push_back(of[static_cast<std::size_t>(i)]);
  return values;
}

/// Part after part: what is missing in a shorter trace stays as it ended.
std::vector<TraceEntry> joined_traces(const std::vector<Report>& parts) {
  const auto longest = std::max_element(
      parts.begin(), parts.end(), [](const Report& a, const Report& b) { return a.trace.size() < b.trace.size(); });
  std::vector<TraceEntry> all = longest->trace;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].chi2.clear();
    for (const auto& part : parts) {
      if (!part.trace.empty()) append(all[i].chi2, part.trace[std::min(i, part.trace.size() - 1)].chi2);
    }
  }
  return all;
}

Report joined(const std::vector<Report>& parts) {
  if (parts.size() == 1) return parts.front();
  Report all;
  std::vector<at::Tensor> x, anomaly;
  for (const auto& part : parts) {
    x.push_back(part.x);
    if (part.anomaly.defined()) anomaly.push_back(part.anomaly);
    append(all.outcomes, part.outcomes);
    append(all.chi2, part.chi2);
    append(all.weight, part.weight);
    append(all.nfe_forward, part.nfe_forward);
    append(all.nfe_backward, part.nfe_backward);
    for (const auto seconds : kReportTimes) all.*seconds += part.*seconds;
    all.peak_mib = std::max(all.peak_mib, part.peak_mib);
  }
  all.x = at::cat(x);
  if (!anomaly.empty()) all.anomaly = at::cat(anomaly);
  all.trace = joined_traces(parts);
  return all;
}

/// A report of entries that stand in this order as one in which entry 0 is the first.
Report in_order(Report report, const std::vector<std::int64_t>& order) {
  std::vector<std::int64_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    place[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  const at::Tensor index = at::tensor(place, at::kLong).to(report.x.device());
  report.x = report.x.index_select(0, index);
  if (report.anomaly.defined()) report.anomaly = report.anomaly.index_select(0, index);
  const auto arrange = [&](auto& entries) {
    if (!entries.empty()) entries = picked(entries, place);
  };
  arrange(report.outcomes);
  arrange(report.chi2);
  arrange(report.weight);
  arrange(report.nfe_forward);
  arrange(report.nfe_backward);
  for (TraceEntry& entry : report.trace) arrange(entry.chi2);
  return report;
}

/// Some entries of a problem; `cut` takes them out of what has one of each.
Problem chosen_entries(const Problem& problem, const std::vector<std::int64_t>& which,
                       const std::function<at::Tensor(const at::Tensor&)>& cut) {
  const auto cut_if_any = [&](const at::Tensor& all) {
    return all.defined() && all.size(0) == problem.batch() ? cut(all) : all;
  };
  Problem part = problem;
  part.y = cut(problem.y);
  part.background = cut_if_any(problem.background);
  if (problem.previous) part.previous = cut_if_any(*problem.previous);
  part.noise_std = picked(problem.noise_std, which);
  part.keys = picked(problem.keys, which);
  return part;
}

bool of_one_item(const Problem& problem) {
  return std::all_of(problem.keys.begin(), problem.keys.end(),
                     [&](const StreamKey& key) { return key.item == problem.keys.front().item; });
}

/// What the solve says, or why there was no memory for it.
struct Attempt {
  std::optional<Report> report;
  std::string reason;
};
Attempt attempt(const std::function<Report()>& solve) {
  try {
    return {.report = solve(), .reason = {}};
  } catch (const std::exception& error) {
    if (!is_out_of_memory(error)) throw;
    return {.report = std::nullopt, .reason = first_line_of(error)};
  }
}

}  // namespace

Problem entries_of(const Problem& problem, std::int64_t first, std::int64_t count) {
  if (count == problem.batch()) return problem;
  std::vector<std::int64_t> which(static_cast<std::size_t>(count));
  std::iota(which.begin(), which.end(), first);
  return chosen_entries(problem, which, [&](const at::Tensor& all) { return all.narrow(0, first, count); });
}

Report solve_by_steps(const Problem& problem, const std::vector<std::int64_t>& steps, const Controls& controls,
                      const SolveTogether& solve) {
  std::map<std::int64_t, std::vector<std::int64_t>> kinds;  ///< entries by their number of steps
  for (std::size_t i = 0; i < steps.size(); ++i) kinds[steps[i]].push_back(static_cast<std::int64_t>(i));
  if (kinds.size() <= 1) return solve(problem, controls);
  std::int64_t total = 0, before = 0;
  for (const auto& kind : kinds) total += kind.first;
  std::vector<Report> parts;
  std::vector<std::int64_t> order;  ///< the entries as the parts have them
  for (const auto& [count, entries] : kinds) {
    const at::Tensor index = at::tensor(entries, at::kLong).to(problem.y.device());
    const Problem kind =
        chosen_entries(problem, entries, [&](const at::Tensor& all) { return all.index_select(0, index); });
    Controls of_kind = controls;
    if (controls.observer) {
      of_kind.observer = [&](ProgressEvent event) {
        event.step += before;
        event.steps += total - count;
        controls.observer(event);
      };
    }
    parts.push_back(solve(kind, of_kind));
    before += count;
    append(order, entries);
  }
  return in_order(joined(parts), order);
}

Report solve_in_micro_batches(const Problem& problem, const Prior* prior, const Controls& controls,
                              const SolveTogether& solve) {
  const std::int64_t batch = problem.batch();
  const auto too_large = [&](const std::string& reason) {
    return OutOfMemory(fmt::format("an image of {}", problem.image.to_string()), reason);
  };
  std::int64_t fit = controls.at_once;  ///< as far as was found out
  if (fit == 0) {
    const Attempt look = attempt([&] {
      fit = by_first_step(problem, prior != nullptr, controls, solve).value_or(0);
      return Report{};
    });
    if (!look.report) throw too_large(look.reason);
  }
  std::int64_t most = fit == 0 ? batch : std::min(fit, batch);
  if (prior != nullptr && problem.y.is_cpu()) {
    const Shape& image = problem.image.shape;
    most = std::min(most, prior->most_at_once(image[image.size() - 2], image.back(), true));
  }
  if (most < batch) {
    log::info_once(
        fmt::format("memory: {} images of {} go through the solver at a time", most, problem.image.to_string()));
  }
  const auto parts_of = [&](std::int64_t entries) { return (entries + most - 1) / most; };
  Progress progress(controls.observer, parts_of(batch));
  Controls of_part = controls;
  of_part.observer = progress.of_part();
  std::vector<Report> parts;
  for (std::int64_t done = 0; done < batch;) {
    const std::int64_t count = std::min(most, batch - done);
    Attempt part = attempt([&] { return solve(entries_of(problem, done, count), of_part); });
    if (!part.report) {
      if (count == 1) throw too_large(part.reason);
      fit = most = (count + 1) / 2;
      progress.set_parts(parts_of(batch - done));
      log::info("memory: {} images at a time do not fit; going on with {} ({})", count, most, part.reason);
      return_freed_memory();
      continue;
    }
    done += count;
    parts.push_back(*std::move(part.report));
    progress.end_part(parts_of(batch - done));
    const bool cancelled = controls.cancellation != nullptr && controls.cancellation->cancelled();
    if (cancelled && of_one_item(problem)) break;
  }
  Report report = joined(parts);
  const bool whole = report.x.size(0) == batch;
  if (!whole && report.outcomes.back() != Outcome::diverged) report.outcomes.back() = Outcome::stopped_early;
  report.at_once = fit;
  return report;
}

}  // namespace recon
