#include "recon/pipeline/batch/rank_state.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

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
  const std::string host = host_name();
  const int pid = ::getpid();
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

std::optional<RankState> rank_state_of(const fs::path& file) {
  if (!file.filename().string().starts_with(kNameStart) || file.extension() != ".json") return std::nullopt;
  try {
    const json text = json::parse(read_whole_file(file.string(), kMostBytes));
    return RankState{.host = text.at("host"),
                     .pid = text.at("pid"),
                     .rank = text.at("rank"),
                     .device = text.at("device"),
                     .resident_mib = text.at("resident_mib"),
                     .peak_mib = text.at("peak_mib"),
                     .items = text.at("items"),
                     .seconds_since = seconds_since_written(file)};
  } catch (const std::exception& error) {
    log::debug("{}: {}", file.string(), error.what());
    return std::nullopt;
  }
}

}  // namespace recon
