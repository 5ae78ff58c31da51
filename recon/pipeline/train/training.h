#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "priors/train/network_options.h"
#include "priors/train/trainer.h"
#include "recon/config/config.h"
#include "recon/core/parameters.h"
#include "recon/core/run_controls.h"
#include "recon/pipeline/train/measurement_family.h"
#include "recon/pipeline/train/measurement_rounds.h"
#include "recon/pipeline/train/round_journal.h"

namespace recon {

/// What a prior is about.
enum class PriorChannels { gray, rgb };
constexpr auto words_of(PriorChannels) {
  using enum PriorChannels;
  return std::to_array<Word<PriorChannels>>({{gray, "gray"}, {rgb, "rgb"}});
}

constexpr std::int64_t channels_of(PriorChannels channels) { return channels == PriorChannels::rgb ? 3 : 1; }

/// How weights are stored.
enum class WeightType { float16, float32 };
constexpr auto words_of(WeightType) {
  using enum WeightType;
  return std::to_array<Word<WeightType>>({{float16, "float16"}, {float32, "float32"}});
}

/// What becomes of the state that an earlier run has left in the output folder: gone on from, or removed.
enum class Resume { automatic, never };
constexpr auto words_of(Resume) {
  using enum Resume;
  return std::to_array<Word<Resume>>({{automatic, "auto"}, {never, "never"}});
}

/// The top level of a train config, besides `network`, `schedule` and `training`.
struct TrainingSetup {
  std::string name;
  std::vector<std::string> images, validation;
  PriorChannels channels = PriorChannels::gray;
  std::vector<double> image_range = {0, 1};
  std::string init;
  Prediction prediction = Prediction::v;
  std::int64_t space_to_depth = 1;
  bool position_channels = false;
  std::vector<double> value_range = {-1, 1};
  std::optional<double> max_relative_sigma;
  std::string output = "trained_prior";
  WeightType weights = WeightType::float16;
  Resume resume = Resume::automatic;
  std::string description, training_data, licence, attribution;

  void visit(ParameterVisitor& v);
};

/// A train config, read and checked.
struct TrainingPlan {
  TrainingSetup setup;
  TrainingOptions options;
  NetworkOptions network;
  NoiseSchedule schedule = NoiseSchedule::vp_linear();
  std::vector<std::string> images, validation;  ///< paths that start at the config's folder
  std::string attribution;                      ///< likewise; empty: none
  std::string init;                             ///< likewise, or the name of a prior; empty: fresh weights
  std::filesystem::path output;                 ///< starts at the working directory
  std::filesystem::path state;                  ///< where the state is saved
  std::string label;                            ///< of the progress line
  std::optional<MeasurementRounds> measured;    ///< the measurements to learn from, in place of images
  std::optional<MeasurementFamily> family;      ///< what the network is to know beside x_t
  std::string location;
  nlohmann::ordered_json resolved;

  /// The name of its copy in the output folder; empty: none.
  std::string attribution_name() const;
};

/// Throws Error(usage) with file:line.
TrainingPlan read_training_plan(const Config& config, std::optional<std::uint64_t> seed);

/// The network that a plan starts from, and its images. Throws Error for an `init` or images that do not fit.
TrainingTask training_task(const TrainingPlan& plan);

/// Throws what training_task() would throw of the network, before there are images.
void require_network(const TrainingPlan& plan);

struct TrainingResult {
  TrainingOutcome outcome = TrainingOutcome::finished;
  TrainingHistory history;
  std::int64_t parameters = 0;
  std::string channels;    ///< whether pictures lose or get colour: "in colour, taken as grey (luma)"
  double recent_loss = 0;  ///< mean of the last 100 steps
  std::vector<RoundFigures> rounds = {};  ///< from measurements: those that are finished
};

/// Trains and writes into the plan's output folder, at each validation and at the end: the prior (prior_writer.h) if it
/// is the best so far, its model card README.md, loss.svg, progress.png (training_picture.h) and training_config.yaml;
/// with each checkpoint training_state.safetensors. A finished run's card has the yardstick of denoising_figures.h.
TrainingResult train(const TrainingPlan& plan, const RunControls& run);
/// The same of a task that was made of the plan's.
TrainingResult train(const TrainingPlan& plan, TrainingTask task, const RunControls& run);

/// What decides the weights: all options but those that only say when and where to write, and how long to go on.
std::string training_fingerprint(const TrainingPlan& plan);

/// The mean of as many of the last values as there are, at most `count`; NaN for none.
double mean_of_last(const std::vector<double>& values, std::size_t count);

/// Peak signal-to-noise ratio in dB of a denoising error; `peak` is the width of the value range.
double denoising_psnr(double mse, double peak);

}  // namespace recon
