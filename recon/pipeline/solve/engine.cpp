#include "recon/pipeline/solve/engine.h"

#include <algorithm>
#include <utility>

#include "operators/unsuitable_operator.h"
#include "recon/core/log.h"
#include "recon/core/out_of_memory.h"
#include "recon/pipeline/solve/misfit.h"
#include "recon/solvers/stopwatch.h"

namespace recon {
namespace {

constexpr std::size_t most_told = 10;

std::string ids_in_words(const std::vector<std::string>& ids) {
  return ids.size() == 1 ? ids.front() : fmt::format("{} to {}", ids.front(), ids.back());
}

}  // namespace

void ItemGroup::read(ItemSource& source, std::int64_t index, c10::Device device) {
  ids.push_back(source.ids()[static_cast<std::size_t>(index)]);
  items.emplace_back();
  errors.emplace_back();
  try {
    items.back() = source.prepare(index, device);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data) throw;
    errors.back() = error;
  }
}

std::optional<ItemGroup> SingleItems::next() {
  if (done_ == wanted_.size()) return std::nullopt;
  ItemGroup group;
  group.number = done_;
  group.continues = done_ % series_ != 0;
  group.read(source_, wanted_[done_++], device_);
  return group;
}

void Engine::run(ItemGroups& groups, const std::vector<Method>& methods, ResultSink& sink) {
  while (!cancelled()) {
    const std::optional<ItemGroup> group = groups.next();
    if (!group) return;
    sink.begin(*group);
    std::vector<std::vector<ItemOutcome>> outcomes;
    for (const auto& method : methods) {
      if (cancelled()) break;
      controls_.begin(fmt::format("{} {}: {}", options_.label, ids_in_words(group->ids), method.runner.name()));
      outcomes.push_back(solve(*group, method));
      controls_.end();
      log_warnings(*group, method, outcomes.back());
      if (!sink.solved(*group, outcomes.size() - 1, outcomes.back())) break;
    }
    sink.done(*group, std::move(outcomes));
  }
}

void Engine::log_warnings(const ItemGroup& group, const Method& method, const std::vector<ItemOutcome>& outcomes) {
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i].result) continue;
    // Of thousands of items the first that their data contradict tell what is wrong; all are counted at the end.
    const bool misfit = outcomes[i].result->rows.front().status == misfit_status;
    const bool loud = options_.log_warnings || (misfit && ++misfits_told_ <= most_told);
    for (const auto& warning : outcomes[i].result->warnings) {
      const std::string text =
          fmt::format("{} {}: {}: {}", options_.label, group.ids[i], method.runner.name(), warning);
      if (loud) {
        log::warn("{}", text);
      } else {
        log::debug("{}", text);
      }
    }
  }
}

std::vector<ItemOutcome> Engine::solve_series(const ItemGroup& group, const Method& method) {
  PreviousItem& ended = ended_[&method];
  if (!group.continues) ended = {};
  std::vector<ItemOutcome> outcomes(group.items.size());
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (!group.items[i]) {
      outcomes[i].error = group.errors[i];
      continue;
    }
    outcomes[i] = solve_alone(*group.items[i], method, ended);
    if (!outcomes[i].result) continue;
    const Report& report = outcomes[i].result->report;
    const bool whole = std::none_of(report.outcomes.begin(), report.outcomes.end(),
                                    [](Outcome outcome) { return outcome == Outcome::diverged; });
    if (whole) ended = {.x = report.x, .range = group.items[i]->range};  // a lost one leads the next astray
  }
  return outcomes;
}

std::vector<ItemOutcome> Engine::solve(const ItemGroup& group, const Method& method) {
  if (method.in_series) return solve_series(group, method);
  std::vector<ItemOutcome> outcomes(group.items.size());
  for (std::size_t begin = 0, end = 0; begin < group.items.size(); begin = end) {
    std::vector<PreparedItem> together;
    std::vector<std::size_t> members;
    for (end = begin; end < group.items.size(); ++end) {
      if (!group.items[end]) {
        outcomes[end].error = group.errors[end];
        continue;
      }
      const bool joins =
          together.empty() || (!method.tune && ItemRunner::joinable(together.front(), *group.items[end]));
      if (!joins) break;
      together.push_back(*group.items[end]);
      members.push_back(end);
    }
    bool alone = members.size() <= 1;
    try {
      if (!alone) {
        auto results = solve_joined(together, method);
        for (std::size_t i = 0; i < members.size(); ++i) outcomes[members[i]].result = std::move(results[i]);
      }
    } catch (const std::exception& error) {
      const auto* fault = dynamic_cast<const Error*>(&error);
      if (!is_out_of_memory(error) && (fault == nullptr || fault->kind() != ErrorKind::data)) throw;
      alone = true;  // to learn which one it is
    }
    for (std::size_t i = 0; alone && i < members.size(); ++i) outcomes[members[i]] = solve_alone(together[i], method);
  }
  return outcomes;
}

/// The one place that keeps the failure of an item from the others.
ItemOutcome Engine::solve_alone(const PreparedItem& item, const Method& method,
                                const std::optional<PreviousItem>& previous) {
  const bool everything = options_.contained == EngineOptions::Contained::everything;
  ItemOutcome outcome;
  try {
    if (method.tune) outcome.note = method.tune(item);
    outcome.result = std::move(solve_joined({item}, method, previous).front());
  } catch (const UnsuitableOperator& error) {
    if (!everything) throw;
    outcome.applicable = false;
    outcome.error = error;
  } catch (const OutOfMemory& error) {
    outcome.error = error;
  } catch (const Error& error) {
    if (!everything && error.kind() != ErrorKind::data) throw;
    outcome.error = error;
  } catch (const std::exception& error) {
    if (is_out_of_memory(error)) {  // in what is made of the samples
      outcome.error = OutOfMemory(item.op->domain().to_string(), first_line_of(error));
    } else if (everything) {
      outcome.error = Error(ErrorKind::internal, "", error.what());
    } else {
      throw;
    }
  }
  return outcome;
}

std::vector<MethodResult> Engine::solve_joined(const std::vector<PreparedItem>& items, const Method& method,
                                               const std::optional<PreviousItem>& previous) {
  const Controls controls{.seed = options_.seed,
                          .observer = controls_.steps(),
                          .cancellation = options_.finish_groups ? nullptr : controls_.cancellation,
                          .trace_every = method.trace_every,
                          .memory = options_.memory,
                          .at_once = at_once_[&method]};
  double seconds = 0;
  std::vector<MethodResult> results;
  {
    const Stopwatch watch(seconds);
    results = method.runner.run_joined(items, method.samples, controls, previous);
  }
  double solving = 0;
  for (const auto& result : results) {
    const Report& report = result.report;
    at_once_[&method] = report.at_once;
    const double network = report.seconds_network_forward + report.seconds_network_backward;
    time_.network += network;
    time_.operators += report.seconds_operator;
    time_.solver += report.seconds - network - report.seconds_operator;
    solving += report.seconds;
  }
  time_.evaluation += seconds - solving;
  return results;
}

}  // namespace recon
