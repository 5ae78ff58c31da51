#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace recon {

/// What is known of one finished round of expectation-maximisation. NaN: not known.
struct RoundFigures {
  double chi2 = 0, psnr = 0;  ///< means of the draws that it trained on; psnr where the measurements have a truth
  double loss = 0;            ///< mean of the last 100 steps
  std::int64_t failed = 0;    ///< items without a draw
  double drawing_seconds = 0, training_seconds = 0;
};

/// Under their names; null where a figure is not known.
nlohmann::ordered_json to_json(const RoundFigures& figures);

/// The rounds that are finished, in a JSON file that appears whole or not at all.
class RoundJournal {
 public:
  /// Reads it where it is there. Throws Error(usage) saying what differs when it belongs to a run of another
  /// `identity`, Error(data) when it is damaged.
  RoundJournal(std::filesystem::path file, nlohmann::ordered_json identity);

  const std::vector<RoundFigures>& rounds() const { return rounds_; }
  /// Adds the next round, or writes the last one anew. `round` counts from 1.
  void set(std::int64_t round, const RoundFigures& figures);

 private:
  void read();
  std::filesystem::path file_;
  nlohmann::ordered_json identity_;
  std::vector<RoundFigures> rounds_;
};

}  // namespace recon
