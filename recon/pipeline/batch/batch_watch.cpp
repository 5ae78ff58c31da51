#include "recon/pipeline/batch/batch_watch.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "data/result_file.h"
#include "recon/core/error.h"
#include "recon/pipeline/batch/batch_store.h"
#include "recon/pipeline/solve/figures.h"
#include "recon/pipeline/solve/misfit.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRecentParts = 100;

double seconds_of(fs::file_time_type time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

/// Counts the items of a file of results; failures are told.
void count(const ResultFile& file, BatchState& state) {
  const SolverResults rows = file.figures();
  const std::vector<std::string>& ids = file.header().ids;
  state.items += ids.size();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i < rows.error.size() && !rows.error[i].empty()) {
      ++state.failed;
      state.failures.emplace_back(ids[i], rows.error[i]);
    }
    state.misfits += i < rows.status.size() && rows.status[i] == misfit_status ? 1U : 0U;
    if (i < rows.device.size()) ++state.devices[rows.device[i]];
    if (i < rows.peak_mib.size()) state.peak_mib = std::max(state.peak_mib, rows.peak_mib[i]);
  }
}

}  // namespace

BatchWatch::BatchWatch(fs::path output) : output_(std::move(output)) {}

void BatchWatch::read_part(const fs::path& part) {
  std::error_code gone;
  const auto time = fs::last_write_time(part, gone);
  if (gone) return;  // put together and removed meanwhile
  try {
    count(ResultFile::open(part.string()), state_);
  } catch (const Error&) {
    if (fs::exists(part)) throw;
    return;
  }
  read_.insert(part.filename().string());
  times_.push_back(seconds_of(time));
}

void BatchWatch::read_result() {
  BatchState whole;
  count(ResultFile::open(output_.string()), whole);
  whole.finished = true;
  whole.batches = whole.batches_done = std::max(state_.batches, read_.size());
  state_ = std::move(whole);
}

void BatchWatch::rate(std::size_t expected) {
  std::sort(times_.begin(), times_.end());
  const double now = seconds_of(fs::file_time_type::clock::now());
  state_.seconds_since_part = times_.empty() ? 0 : now - times_.back();
  const std::size_t recent = std::min(times_.size(), kRecentParts);
  const double span = recent > 1 ? times_.back() - times_[times_.size() - recent] : 0;
  if (!(span > 0)) return;
  const double parts_per_second = static_cast<double>(recent - 1) / span;
  state_.items_per_second = parts_per_second * static_cast<double>(state_.items) / static_cast<double>(read_.size());
  if (expected > read_.size()) state_.seconds_left = static_cast<double>(expected - read_.size()) / parts_per_second;
}

BatchState BatchWatch::look() {
  state_.failures.clear();
  state_.ranks.clear();
  const fs::path folder = BatchStore::parts_of(output_);
  const auto manifest = BatchStore::manifest_in(folder);
  if (!manifest) {
    if (!fs::exists(output_)) {
      throw data_error(output_.string(), "no batch is to be seen: neither the result is there nor {}", folder.string());
    }
    read_result();
    return state_;
  }
  state_.batches = manifest->value("batches", std::size_t{0});
  const std::size_t redone = manifest->value("redo", nlohmann::ordered_json::array()).size();
  const std::size_t expected = redone > 0 ? redone : state_.batches;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(folder, gone)) {
    const fs::path& path = entry.path();
    if (path.extension() == ".h5" && !read_.contains(path.filename().string())) read_part(path);
    if (auto rank = rank_state_of(path)) state_.ranks.push_back(*std::move(rank));
  }
  std::sort(state_.ranks.begin(), state_.ranks.end(), [](const RankState& a, const RankState& b) {
    return std::tie(a.rank, a.host, a.pid) < std::tie(b.rank, b.host, b.pid);
  });
  state_.batches_done = read_.size() + (state_.batches > expected ? state_.batches - expected : 0);
  rate(expected);
  return state_;
}

}  // namespace recon
