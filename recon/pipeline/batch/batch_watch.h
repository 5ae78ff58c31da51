#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "recon/pipeline/batch/rank_state.h"

namespace recon {

/// How far a batch is, as its folder shows it to anyone.
struct BatchState {
  bool finished = false;    ///< the result is there, and nobody is at work on it
  std::size_t batches = 0;  ///< 0: not known (an older program began it)
  std::size_t batches_done = 0;
  std::size_t items = 0;                                      ///< done
  std::size_t failed = 0, misfits = 0;                        ///< of them
  double items_per_second = 0;                                ///< by the times of the last hundred parts; 0: not known
  double seconds_left = 0;                                    ///< at this rate; 0: not known
  double seconds_since_part = 0;                              ///< since the last part came
  double peak_mib = 0;                                        ///< the most that an item says
  std::map<std::string, std::size_t> devices;                 ///< items by what computed them
  std::vector<RankState> ranks;                               ///< the processes that compute it, or did
  std::vector<std::pair<std::string, std::string>> failures;  ///< id and reason, of parts that came since the last look
};

/// Looks at a batch that other processes compute, on any machine that sees its folder. It reads each part once, takes
/// no lock and writes nothing.
class BatchWatch {
 public:
  /// `output` is the batch's result, `output.path` of its config.
  explicit BatchWatch(std::filesystem::path output);

  /// Throws Error(data) where neither the result nor a folder of parts is there.
  BatchState look();

 private:
  void read_part(const std::filesystem::path& part);
  void read_result();
  void rate(std::size_t expected);

  std::filesystem::path output_;
  std::set<std::string> read_;  ///< names of parts
  std::vector<double> times_;   ///< at which they came, seconds since the epoch
  BatchState state_;
};

}  // namespace recon
