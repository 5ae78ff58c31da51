#include "recon/pipeline/batch/rank_state.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>

#include "data/atomic_file.h"
#include "recon/core/error.h"
#include "recon/core/log.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kNameStart = "rank-";
constexpr auto kPauseBetweenStates = std::chrono::seconds(2);
constexpr std::int64_t kMostBytes = 1 << 16;

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// By the file's own time: the clock of the machine that wrote it plays no part where the file system has its own.
double seconds_since_written(const fs::path& path) {
  std::error_code gone;
  const auto time = fs::last_write_time(path, gone);
  if (gone) return 0;
  return std::max(0.0, std::chrono::duration<double>(fs::file_time_type::clock::now() - time).count());
}

}  // namespace

void RankStateWriter::write(const RankState& state) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + kPauseBetweenStates;
  const std::string host = state.host.empty() ? host_name() : state.host;
  const int pid = state.pid == 0 ? ::getpid() : state.pid;
  const json text = {{"host", host},
                     {"pid", pid},
                     {"rank", state.rank},
                     {"device", state.device},
                     {"resident_mib", state.resident_mib},
                     {"peak_mib", state.peak_mib},
                     {"items", state.items}};
  try {
    write_file_atomically((folder_ / fmt::format("{}{}-{}.json", kNameStart, host, pid)).string(), text.dump());
  } catch (const Error& error) {
    log::debug("the state of this process is not told: {}", error.what());
  }
}

std::vector<RankState> rank_states(const fs::path& folder) {
  std::vector<RankState> states;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(folder, gone)) {
    const fs::path& path = entry.path();
    if (!path.filename().string().starts_with(kNameStart) || path.extension() != ".json") continue;
    try {
      const json text = json::parse(read_whole_file(path.string(), kMostBytes));
      states.push_back({.host = text.at("host"),
                        .pid = text.at("pid"),
                        .rank = text.at("rank"),
                        .device = text.at("device"),
                        .resident_mib = text.at("resident_mib"),
                        .peak_mib = text.at("peak_mib"),
                        .items = text.at("items"),
                        .seconds_since = seconds_since_written(path)});
    } catch (const std::exception& error) {  // gone meanwhile, or of another program
      log::debug("{}: {}", path.string(), error.what());
    }
  }
  std::sort(states.begin(), states.end(), [](const RankState& a, const RankState& b) {
    return std::tie(a.rank, a.host, a.pid) < std::tie(b.rank, b.host, b.pid);
  });
  return states;
}

}  // namespace recon
