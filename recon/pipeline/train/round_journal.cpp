#include "recon/pipeline/train/round_journal.h"

#include <cmath>
#include <limits>

#include "data/atomic_file.h"
#include "priors/train/training_state.h"
#include "recon/core/error.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

constexpr const char* format_name = "recon-rounds-1";
constexpr std::int64_t largest_journal = 64 << 20;

double number_in(const ordered_json& json, const char* key) {
  const ordered_json& value = json.at(key);
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

RoundFigures figures_in(const ordered_json& json) {
  return {.chi2 = number_in(json, "chi2"),
          .psnr = number_in(json, "psnr"),
          .loss = number_in(json, "loss"),
          .failed = json.at("failed").get<std::int64_t>(),
          .drawing_seconds = number_in(json, "drawing_seconds"),
          .training_seconds = number_in(json, "training_seconds")};
}

}  // namespace

ordered_json to_json(const RoundFigures& figures) {
  const auto number = [](double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr); };
  return {{"chi2", number(figures.chi2)},
          {"psnr", number(figures.psnr)},
          {"loss", number(figures.loss)},
          {"failed", figures.failed},
          {"drawing_seconds", number(figures.drawing_seconds)},
          {"training_seconds", number(figures.training_seconds)}};
}

RoundJournal::RoundJournal(std::filesystem::path file, ordered_json identity)
    : file_(std::move(file)), identity_(std::move(identity)) {
  if (std::filesystem::exists(file_)) {
    read();
  } else {
    write_file_atomically(
        file_.string(),
        ordered_json{{"format", format_name}, {"identity", identity_}, {"rounds", ordered_json::array()}}.dump(1));
  }
}

void RoundJournal::read() {
  ordered_json stored;
  try {
    stored = ordered_json::parse(read_whole_file(file_.string(), largest_journal));
    if (stored.at("format") != format_name) throw data_error(file_.string(), "is of another version of recon");
    for (const auto& round : stored.at("rounds")) rounds_.push_back(figures_in(round));
    stored = stored.at("identity");
  } catch (const ordered_json::exception& error) {
    throw data_error(file_.string(), "is damaged ({}); remove it and the folder `rounds` to start anew", error.what());
  }
  if (stored == identity_) return;
  throw usage_error(file_.string(),
                    "belongs to another run ({}); use another `output`, or `resume: never` to start anew",
                    first_difference(stored.dump(), identity_.dump()));
}

void RoundJournal::set(std::int64_t round, const RoundFigures& figures) {
  if (round == std::ssize(rounds_)) {
    rounds_.back() = figures;
  } else if (round == std::ssize(rounds_) + 1) {
    rounds_.push_back(figures);
  } else {
    throw internal_error("RoundJournal", "round {} after {}", round, rounds_.size());
  }
  ordered_json list = ordered_json::array();
  for (const auto& one : rounds_) list.push_back(to_json(one));
  write_file_atomically(file_.string(),
                        ordered_json{{"format", format_name}, {"identity", identity_}, {"rounds", list}}.dump(1));
}

}  // namespace recon
