#include "priors/load_prior.h"

#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "priors/checkpoints/checkpoint.h"
#include "priors/checkpoints/load_network.h"
#include "priors/checkpoints/safetensors_types.h"
#include "priors/checkpoints/scheduler_config.h"
#include "priors/json_fields.h"
#include "priors/networks/bounded_network.h"
#include "recon/core/error.h"
#include "recon/core/resources.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

/// Everything about a prior but its weights.
struct Sources : PriorSources {
  NetworkFacts facts;
  std::optional<SchedulerConfig> scheduler;

  explicit Sources(const std::string& folder) : PriorSources(folder), facts(network.config->facts()) {
    if (files.scheduler_config) scheduler = read_scheduler_config(*files.scheduler_config);
  }

  /// What to say when the files leave something open.
  Error unknown(const char* key, const char* example) const {
    return data_error(files.folder.string(), "its files do not say the {}; write it into {}, for example `{}: {}`", key,
                      card.location, key, example);
  }
};

/// The clean images that a pipeline of diffusers makes pictures of.
std::optional<std::pair<double, double>> pipeline_range(const PriorFiles& files) {
  if (!files.index) return std::nullopt;
  const nlohmann::json index = parse_json_file(*files.index);
  const std::string name = index.is_object() ? index.value("_class_name", nlohmann::json()).dump() : "";
  if (name == "\"DDPMPipeline\"" || name == "\"DDIMPipeline\"") return std::pair{-1.0, 1.0};
  if (name == "\"ScoreSdeVePipeline\"") return std::pair{0.0, 1.0};
  return std::nullopt;
}

std::pair<double, double> value_range(const Sources& sources) {
  if (sources.card.value_range) return *sources.card.value_range;
  if (sources.scheduler && sources.scheduler->clip_sample_range) {
    const double range = *sources.scheduler->clip_sample_range;
    return {-range, range};
  }
  if (const auto range = pipeline_range(sources.files)) return *range;
  throw sources.unknown("value_range", "[-1, 1]");
}

std::vector<std::int64_t> fixed_size(const Sources& sources) {
  if (sources.card.any_size) return {};
  if (!sources.card.fixed_size.empty()) return sources.card.fixed_size;
  std::vector<std::int64_t> size = sources.facts.sample_size;
  for (auto& side : size) side *= sources.card.space_to_depth;
  return size;
}

ImageDomain domain_of(const Sources& sources) {
  const std::int64_t block = sources.card.space_to_depth;
  const std::int64_t in = sources.facts.in_channels - (sources.card.position_channels ? kPositionChannels : 0);
  if (in < 1) {
    throw data_error(sources.card.location, "'position_channels': the network's {} channels are none beside those",
                     sources.facts.in_channels);
  }
  if (in % (block * block) != 0) {
    throw data_error(sources.card.location, "'space_to_depth': the network's {} channels{} are no multiple of {}", in,
                     sources.card.position_channels ? " beside positions" : "", block * block);
  }
  const auto [low, high] = value_range(sources);
  return {.channels = sources.card.channels.value_or(in / (block * block)),
          .fixed_size = fixed_size(sources),
          .multiple = sources.card.multiple.value_or(sources.facts.size_multiple * block),
          .low = low,
          .high = high};
}

const NoiseSchedule& schedule_of(const Sources& sources) {
  if (sources.card.schedule) return *sources.card.schedule;
  if (sources.scheduler) return sources.scheduler->schedule;
  throw sources.unknown("schedule", "vp_linear");
}

Prediction prediction_of(const Sources& sources) {
  if (sources.card.prediction) return *sources.card.prediction;
  if (sources.scheduler) return sources.scheduler->prediction;
  throw sources.unknown("prediction", "epsilon");
}

TimeInput time_input_of(const Sources& sources) {
  if (sources.card.time_input) return *sources.card.time_input;
  if (prediction_of(sources) == Prediction::edm) return TimeInput::edm_noise;
  if (!sources.card.schedule && sources.scheduler && sources.scheduler->conditioned_on_noise_level) {
    return TimeInput::relative_sigma;
  }
  // The logarithm of a timestep that may be 0 is no input: such networks are conditioned on a noise level, but on which
  // is not said.
  if (sources.facts.conditioned_on_noise_level) throw sources.unknown("time_input", "relative_sigma");
  return TimeInput::timestep;
}

std::string folder_name(const fs::path& folder) {
  const fs::path plain = fs::absolute(folder).lexically_normal();
  return plain.has_filename() ? plain.filename().string() : plain.parent_path().filename().string();
}

NetworkPriorDescription describe(const Sources& sources) {
  return {
      .name = sources.card.name.value_or(folder_name(sources.files.folder)),
      .domain = domain_of(sources),
      .schedule = schedule_of(sources),
      .prediction = prediction_of(sources),
      .time_input = time_input_of(sources),
      .time_scale = sources.card.time_scale,
      .input_scaling = sources.card.input_scaling,
      .sigma_data = sources.card.sigma_data,
      .space_to_depth = sources.card.space_to_depth,
      .position_channels = sources.card.position_channels,
      .symmetry = sources.card.symmetry,
      .bgr = sources.card.bgr,
      .learned_variance = sources.facts.learned_variance || (sources.scheduler && sources.scheduler->learned_variance),
      .max_relative_sigma = sources.card.max_relative_sigma.value_or(0),
      .denoising_mse = sources.card.denoising_mse,
      .power_spectrum = sources.card.power_spectrum,
      .measurement = sources.card.measurement};
}

bool is_prior(const fs::path& folder) {
  return fs::exists(folder / "config.json") || fs::exists(folder / "unet" / "config.json") ||
         fs::exists(folder / "prior.yaml");
}

}  // namespace

std::vector<std::string> prior_search_folders() {
  const char* const listed = std::getenv("RECON_PRIORS");
  std::vector<std::string> folders = split_path_list(listed == nullptr ? "" : listed);
  for (const auto& folder : resource_folders()) folders.push_back((folder / "priors").string());
  return folders;
}

std::vector<std::string> embedded_priors() {
  std::set<std::string> names;
  for (const auto& folder : prior_search_folders()) {
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator(folder, missing)) {
      if (is_prior(entry.path())) names.insert(entry.path().filename().string());
    }
  }
  return {names.begin(), names.end()};
}

bool is_prior_path(const std::string& path_or_name) { return path_or_name.find('/') != std::string::npos; }

std::string find_prior(const std::string& path_or_name) {
  if (fs::is_directory(path_or_name) && is_prior(path_or_name)) return path_or_name;
  if (is_prior_path(path_or_name)) return path_or_name;  // what it lacks is said when it is opened
  for (const auto& folder : prior_search_folders()) {
    const fs::path candidate = fs::path(folder) / path_or_name;
    if (!path_or_name.empty() && is_prior(candidate)) return candidate.string();
  }
  throw usage_error("prior '" + path_or_name + "'",
                    "neither the folder of a prior nor the name of one; known names are {}",
                    fmt::join(embedded_priors(), ", "));
}

PriorPtr load_prior(const std::string& path_or_name, Precision precision, std::int64_t memory) {
  const Sources sources(find_prior(path_or_name));
  std::shared_ptr<const Network> network = load_network(sources);
  if (memory > 0) network = within_memory(network, memory);
  return std::make_shared<NetworkPrior>(describe(sources), std::move(network), precision);
}

PriorSummary inspect_prior(const std::string& path_or_name) {
  const Sources sources(find_prior(path_or_name));
  PriorSummary summary{.folder = sources.files.folder.string(),
                       .description = describe(sources),
                       .parameters = 0,
                       .weight_types = "",
                       .weight_files = {},
                       .card_description = sources.card.description,
                       .training_data = sources.card.training_data,
                       .licence = sources.card.licence,
                       .attribution = sources.card.attribution};
  if (const std::string& format = sources.network.kind->program_format; !format.empty()) {
    summary.parameters = load_network(sources)->parameter_count();
    summary.weight_types = format;
    summary.weight_files = {sources.card.weights->filename().string()};
    return summary;
  }
  std::set<std::string_view> types;
  const Checkpoint checkpoint = sources.open_weights();
  for (const auto& file : checkpoint.files()) {
    summary.weight_files.push_back(fs::path(file->path()).filename().string());
  }
  for (const auto& name : checkpoint.names()) {
    const StoredTensor& stored = *checkpoint.find(name);
    types.insert(safetensors_type(stored.dtype)->name);
    summary.parameters += TensorSpec{stored.shape}.numel();
  }
  summary.weight_types = fmt::format("{}", fmt::join(types, ", "));
  load_network(sources);  // weights that do not fit the network are no prior
  return summary;
}

}  // namespace recon
