#include "recon/commands/batch_watching.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "recon/commands/interruption.h"
#include "recon/commands/progress_printer.h"
#include "recon/commands/status_line.h"
#include "recon/pipeline/batch/batch_watch.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

constexpr auto kPause = std::chrono::seconds(2);
constexpr double kLongPauses = 10;  // times a part's time without a part: nobody may be at work

/// Nothing has come for far longer than parts take.
bool stands_still(const BatchState& state) {
  if (state.finished || !(state.items_per_second > 0) || state.batches_done == 0) return false;
  const double items_per_part = static_cast<double>(state.items) / static_cast<double>(state.batches_done);
  return state.seconds_since_part > std::max(60.0, kLongPauses * items_per_part / state.items_per_second);
}

std::string parts_of(const BatchState& state) {
  return state.batches > 0 ? fmt::format("{}/{} parts", state.batches_done, state.batches)
                           : fmt::format("{} parts", state.batches_done);
}

/// Of the processes: what they hold now.
std::string memory_of(const BatchState& state) {
  double mib = 0;
  for (const RankState& rank : state.ranks) mib += rank.resident_mib;
  return fmt::format("{} {}, {:.0f} MiB", state.ranks.size(), state.ranks.size() == 1 ? "process" : "processes", mib);
}

StatusText status_of(const BatchState& state) {
  StatusText status{.label = fmt::format("{}, {} items", parts_of(state), state.items), .share = 0, .facts = {}};
  if (state.batches > 0) status.share = static_cast<double>(state.batches_done) / static_cast<double>(state.batches);
  if (stands_still(state)) status.facts.push_back("nothing new for " + clock_text(state.seconds_since_part));
  if (state.seconds_left > 0) status.facts.push_back(clock_text(state.seconds_left) + " left");
  if (state.failed > 0) status.facts.push_back(fmt::format("{} failed", state.failed));
  if (state.misfits > 0) status.facts.push_back(fmt::format("{} misfits", state.misfits));
  if (state.items_per_second > 0) status.facts.push_back(fmt::format("{:.3g} items/s", state.items_per_second));
  if (!state.ranks.empty()) status.facts.push_back(memory_of(state));
  return status;
}

ordered_json ranks_of(const BatchState& state) {
  ordered_json ranks = ordered_json::array();
  for (const RankState& rank : state.ranks) {
    ranks.push_back({{"rank", rank.rank},
                     {"host", rank.host},
                     {"pid", rank.pid},
                     {"device", rank.device},
                     {"items", rank.items},
                     {"resident_mib", rank.resident_mib},
                     {"peak_mib", rank.peak_mib},
                     {"seconds_since", rank.seconds_since}});
  }
  return ranks;
}

std::string ranks_text(const BatchState& state) {
  std::string text;
  for (const RankState& rank : state.ranks) {
    text += fmt::format("rank {}:  {}, process {}, {}: {} items, {:.0f} MiB, at most {:.0f} MiB{}, {} ago\n", rank.rank,
                        rank.host, rank.pid, rank.device, rank.items, rank.resident_mib, rank.peak_mib,
                        rank.device == "cpu" ? "" : " of the device", clock_text(rank.seconds_since));
  }
  return text;
}

VerbResult result_of(const BatchState& state, const std::string& output) {
  VerbResult verb;
  verb.json = {{"output", output},
               {"finished", state.finished},
               {"batches", state.batches},
               {"batches_done", state.batches_done},
               {"items", state.items},
               {"failed", state.failed},
               {"misfits", state.misfits},
               {"items_per_second", state.items_per_second},
               {"seconds_left", state.seconds_left},
               {"seconds_since_part", state.seconds_since_part},
               {"peak_mib", state.peak_mib},
               {"devices", state.devices},
               {"ranks", ranks_of(state)}};
  verb.text = state.finished ? fmt::format("the batch is finished: {}\n", output)
                             : fmt::format("the batch is not finished: {}\n", parts_of(state));
  verb.text += fmt::format("items:   {} done, {} failed, {} misfits\n", state.items, state.failed, state.misfits);
  for (const auto& [device, items] : state.devices) verb.text += fmt::format("device:  {}, {} items\n", device, items);
  if (state.peak_mib > 0) verb.text += fmt::format("memory:  {:.0f} MiB at most\n", state.peak_mib);
  verb.text += ranks_text(state);
  if (state.items_per_second > 0) verb.text += fmt::format("rate:    {:.3g} items/s\n", state.items_per_second);
  if (state.seconds_left > 0) verb.text += fmt::format("left:    {}\n", clock_text(state.seconds_left));
  if (stands_still(state)) {
    verb.text += fmt::format("nothing new for {}: is anybody at work? The same command as before goes on\n",
                             clock_text(state.seconds_since_part));
  }
  verb.exit_code = state.failed > 0 || state.misfits > 0 ? exit_some_failed : exit_ok;
  return verb;
}

}  // namespace

VerbResult watch_batch(const std::string& output, bool once, bool quiet) {
  BatchWatch watch(output);
  BatchState state = watch.look();
  if (once) return result_of(state, output);
  StatusLine line(quiet);
  while (!state.finished && !interruption().cancelled()) {
    for (const auto& [id, reason] : state.failures) {
      if (quiet) continue;
      line.end();
      std::fprintf(stderr, "recon: warning: item %s failed: %s\n", id.c_str(), reason.c_str());
    }
    if (line.is_due(false)) line.show(status_of(state));
    std::this_thread::sleep_for(kPause);
    state = watch.look();
  }
  line.end();
  return result_of(state, output);
}

}  // namespace recon
