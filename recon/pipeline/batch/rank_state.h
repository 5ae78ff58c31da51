#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace recon {

/// What a process that computes a batch says of itself, for those who watch it (BatchWatch). It lies beside the parts
/// as `rank-HOST-PID.json` and goes with them; nothing is computed from it.
struct RankState {
  std::string host;  ///< this and pid: of rank_state_of() only, who writes is known
  int pid = 0;
  int rank = 0;
  std::string device;
  double resident_mib = 0;   ///< of the process, now
  double peak_mib = 0;       ///< the most that an item needed: of the GPU on a GPU, of the process on a CPU
  std::size_t items = 0;     ///< computed since it began
  double seconds_since = 0;  ///< it said so; of rank_state_of() only
};

/// Writes the state of this process into the folder of the parts, at most every two seconds. It has to be called while
/// a part of the batch is still missing, and by whoever makes that part: else the folder may be gone, or another's.
class RankStateWriter {
 public:
  explicit RankStateWriter(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// A state that cannot be written is left out: if the disk is full, the part that follows tells.
  void write(const RankState& state);

 private:
  std::filesystem::path folder_;
  std::chrono::steady_clock::time_point next_;
};

/// What a file of the folder says; nothing where it is of another kind, of another program, or gone.
std::optional<RankState> rank_state_of(const std::filesystem::path& file);

}  // namespace recon
