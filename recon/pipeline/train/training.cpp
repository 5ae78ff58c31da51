#include "recon/pipeline/train/training.h"

#include <ATen/ATen.h>

#include <numeric>

#include "data/content_hash.h"
#include "priors/load_prior.h"
#include "priors/schedule_options.h"
#include "priors/train/gray_parameters.h"
#include "priors/train/parameter_initializer.h"
#include "priors/train/widened_parameters.h"
#include "recon/config/yaml_options.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/items/image_collection.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/train/training_output.h"

namespace recon {
namespace {

std::shared_ptr<const UNet2D> start_network(const TrainingPlan& plan) {
  const std::int64_t channels = channels_of(plan.setup.channels);
  const std::int64_t block = plan.setup.space_to_depth, image = channels * block * block;
  if (plan.init.empty()) {
    UNet2DConfig config = plan.network.config(image, plan.location + " network");
    if (plan.family) config.in_channels += image;
    if (plan.setup.position_channels) config.in_channels += kPositionChannels;
    const std::int64_t side = plan.options.crop / block;
    if (side > 0) config.sample_size = {side, side};
    ParameterInitializer source(static_cast<std::uint64_t>(plan.options.seed));
    return std::make_shared<UNet2D>(config, source);
  }
  const auto prior = std::dynamic_pointer_cast<const NetworkPrior>(load_prior(plan.init));
  const auto* network = prior == nullptr ? nullptr : dynamic_cast<const UNet2D*>(&prior->network());
  if (network == nullptr) throw data_error(plan.init, "has no UNet2DModel of diffusers to start from");
  if (network->config().classes.count > 0) throw data_error(plan.init, "has class labels; training has none");
  const std::int64_t found = prior->domain().channels;
  const bool gray_of_colour = found == 3 && channels == 1;
  if (prior->description().space_to_depth != plan.setup.space_to_depth || (found != channels && !gray_of_colour)) {
    throw usage_error(plan.location,
                      "`init: {}` has {} channel(s) and space_to_depth {}; set channels and space_to_depth "
                      "to the same (a prior of grey images may begin with one of colour)",
                      plan.init, found, prior->description().space_to_depth);
  }
  const bool knows = prior->description().measurement.has_value();
  if (knows && (!plan.family || gray_of_colour)) {
    throw usage_error(plan.location,
                      "`init: {}` was trained for a measurement; give one (`measurement`) of as many channels, or take "
                      "the prior that it began with",
                      plan.init);
  }
  const bool located = prior->description().position_channels;
  if (located && !plan.setup.position_channels) {
    throw usage_error(plan.location, "`init: {}` sees where pixels lie; set `position_channels: true`", plan.init);
  }
  std::shared_ptr<const UNet2D> start;
  UNet2DConfig config = network->config();
  if (gray_of_colour) {
    const std::int64_t others = located ? kPositionChannels : 0;
    config.in_channels = image + others;
    config.out_channels /= 3;
    GrayParameters source(network->parameters(), others);
    start = std::make_shared<UNet2D>(config, source);
  } else {
    CopiedParameters source(network->parameters(), c10::kCPU);
    start = std::make_shared<UNet2D>(config, source);
  }
  // Positions come last, those of the measurement between them and the image's.
  const auto widen = [&](std::int64_t further, std::int64_t before) {
    config.in_channels += further;
    WidenedParameters source(start->parameters(), before);
    start = std::make_shared<UNet2D>(config, source);
  };
  if (plan.family && !knows) widen(image, image);
  if (plan.setup.position_channels && !located) widen(kPositionChannels, -1);
  return start;
}

/// Positional features are made for numbers that run to about 1000, as timesteps do; Fourier features for a noise
/// level.
void tell_time(NetworkPriorDescription& description, const UNet2D& network) {
  if (network.config().fourier_time) {
    description.time_input = TimeInput::relative_sigma;
  } else if (description.prediction == Prediction::edm) {
    description.time_input = TimeInput::edm_noise;
    description.time_scale = 250;
  } else if (!std::holds_alternative<TabulatedSchedule>(description.schedule.kind())) {
    description.time_scale = 1000;
  }
}

/// What the network sees mirrored and turned in training is as likely to it.
ImageSymmetry symmetry_of(const TrainingOptions& options) {
  if (!options.flip) return ImageSymmetry::none;
  return options.rotate ? ImageSymmetry::square : ImageSymmetry::mirror;
}

}  // namespace

void require_network(const TrainingPlan& plan) { start_network(plan); }

TrainingTask training_task(const TrainingPlan& plan) {
  const TrainingSetup& setup = plan.setup;
  const std::int64_t channels = channels_of(setup.channels);
  auto network = start_network(plan);
  NetworkPriorDescription description{.name = setup.name,
                                      .domain = {.channels = channels,
                                                 .fixed_size = {},
                                                 .multiple = network->size_multiple() * setup.space_to_depth,
                                                 .low = setup.value_range[0],
                                                 .high = setup.value_range[1]},
                                      .schedule = plan.schedule};
  description.prediction = setup.prediction;
  description.space_to_depth = setup.space_to_depth;
  description.position_channels = setup.position_channels;
  description.symmetry = symmetry_of(plan.options);
  description.max_relative_sigma = setup.max_relative_sigma.value_or(0);
  tell_time(description, *network);
  const ImageRange range{setup.image_range[0], setup.image_range[1]};
  TrainingTask task{.description = description,
                    .network = std::move(network),
                    .images = open_image_collection(plan.images, description.domain, range),
                    .validation = {}};
  if (!plan.validation.empty()) task.validation = open_image_collection(plan.validation, description.domain, range);
  if (plan.family) train_for_measurement(task, *plan.family, range, plan.options.crop);
  return task;
}

std::string training_fingerprint(const TrainingPlan& plan) {
  nlohmann::ordered_json config = plan.resolved;
  for (const char* key : {"output", "resume", "weights", "name", "description", "training_data", "licence",
                          "attribution", "max_relative_sigma", "validation"}) {
    config.erase(key);
  }
  for (const char* key :
       {"steps", "minutes", "checkpoint_every", "validate_every", "validation_images", "validation_levels"}) {
    config["training"].erase(key);
  }
  if (config.contains("from_measurements")) config["from_measurements"].erase("rounds");
  if (!plan.init.empty()) config["init"] = content_hash_of_path(find_prior(plan.init));
  return config.dump();
}

namespace {

void check_ranges(const YamlOptions& options, const TrainingSetup& setup) {
  const auto check = [&](const char* key, const std::vector<double>& range) {
    if (range.size() != 2 || !(range[0] < range[1])) {
      throw usage_error(options.location_of(key), "expected [low, high] with low < high");
    }
  };
  check("image_range", setup.image_range);
  check("value_range", setup.value_range);
}

}  // namespace

void TrainingSetup::visit(ParameterVisitor& v) {
  v.field("name", name, "of the prior; default: the output folder's");
  v.field("images", images, "image files, folders, or FILE.h5:/dataset; start at the config's folder");
  v.field("validation", validation, "the same, for validation; empty: none");
  v.choice("channels", channels, "what the prior is about; pictures are converted");
  v.field("image_range", image_range, "[low, high]: values of black and white; 8 and 16 bit pictures have [0, 1]");
  v.field("init", init, "prior to start from, with its network; empty: fresh weights and `network`");
  v.choice("prediction", prediction, "what the network predicts");
  v.field("space_to_depth", space_to_depth, "side of the pixel block that becomes channels", {.min = 1, .max = 16});
  v.field("position_channels", position_channels,
          "show the network where each pixel lies in its image, from -1 to 1 across and down: for images with a fixed "
          "layout, of which crops then say where they are from");
  v.field("value_range", value_range, "[low, high] of clean images as the network sees them");
  v.field("max_relative_sigma", max_relative_sigma, "written into the card: where solvers start at the noisiest",
          {.min = 0, .open_min = true});
  v.field("output", output, "folder to write the prior to; starts at the working directory");
  v.choice("weights", weights, "how weights are stored in the prior");
  v.choice("resume", resume, "auto: go on from the state in `output`; never: start anew");
  v.field("description", description, "for the card: what the prior is");
  v.field("training_data", training_data, "for the card: what it was trained on");
  v.field("licence", licence, "for the card");
  v.field("attribution", attribution, "file that says who made the images; it is copied beside the weights");
}

std::string TrainingPlan::attribution_name() const {
  return attribution.empty() ? "" : "attribution" + std::filesystem::path(attribution).extension().string();
}

TrainingPlan read_training_plan(const Config& config, std::optional<std::uint64_t> seed) {
  TrainingPlan plan;
  YamlOptions options(config.root(), "");
  plan.setup.visit(options);
  if (const auto schedule =
          schedule_section(options, "schedule", "the noise process of training; default: vp_linear")) {
    plan.schedule = *schedule;
  }
  read_section(options, "network", "the U-Net to train", plan.network);
  read_section(options, "training", "how it is trained", plan.options);
  plan.measured = read_measurement_rounds(options);
  plan.family = read_measurement_family(options);
  options.finish();
  plan.location = options.location();
  if (plan.setup.images.empty() && !plan.measured) {
    throw usage_error(plan.location, "`images` is missing: what is to be learned? (measurements: `from_measurements`)");
  }
  const bool has_images = !plan.setup.images.empty();
  if (plan.measured && (has_images || !plan.setup.validation.empty())) {
    throw usage_error(options.location_of(has_images ? "images" : "validation"),
                      "`from_measurements` learns without images, and validates on draws of items held out; remove one "
                      "of the two");
  }
  if (plan.measured && plan.family) {
    throw usage_error(options.location_of("measurement"),
                      "`from_measurements` learns a prior of images alone; train it first, then with `init` for the "
                      "operator");
  }
  check_ranges(options, plan.setup);
  for (const auto& text : plan.setup.images) plan.images.push_back(options.path_of("images", text).string());
  for (const auto& text : plan.setup.validation) {
    plan.validation.push_back(options.path_of("validation", text).string());
  }
  if (!plan.setup.attribution.empty()) {
    plan.attribution = options.path_of("attribution", plan.setup.attribution).string();
    if (!std::filesystem::is_regular_file(plan.attribution)) {
      throw usage_error(options.location_of("attribution"), "there is no file '{}'; check the path", plan.attribution);
    }
  }
  plan.init = prior_from(options, "init", plan.setup.init);
  if (!plan.init.empty() && options.given("network")) {
    throw usage_error(options.location_of("network"), "`init` brings its own network; remove one of the two");
  }
  plan.output = plan.setup.output;
  plan.state = plan.output / "training_state.safetensors";
  if (plan.setup.name.empty()) plan.setup.name = plan.output.filename().string();
  plan.label = "train " + plan.setup.name;
  if (seed) plan.options.seed = static_cast<std::int64_t>(*seed);
  plan.resolved = options.resolved();
  plan.resolved["training"]["seed"] = plan.options.seed;
  return plan;
}

double denoising_psnr(double mse, double peak) { return 20 * std::log10(peak) - 10 * std::log10(mse); }

double mean_of_last(const std::vector<double>& values, std::size_t count) {
  const auto used = static_cast<std::ptrdiff_t>(std::min(values.size(), count));
  if (used == 0) return std::numeric_limits<double>::quiet_NaN();
  return std::accumulate(values.end() - used, values.end(), 0.0) / static_cast<double>(used);
}

TrainingResult train(const TrainingPlan& plan, const RunControls& run) { return train(plan, training_task(plan), run); }

TrainingResult train(const TrainingPlan& plan, TrainingTask task, const RunControls& run) {
  std::error_code fault;
  std::filesystem::create_directories(plan.output, fault);
  if (fault) throw data_error(plan.output.string(), "the output folder cannot be made: {}", fault.message());
  if (plan.setup.resume == Resume::never) std::filesystem::remove(plan.state);
  TrainingResult result;
  result.parameters = task.network->parameter_count();
  TrainingOutput output(plan, task, run.device);
  result.channels = output.channels();
  log::info("images: {}", result.channels);
  std::int64_t done_before = 0;
  Trainer trainer(std::move(task), plan.options, run.device);
  TrainingControls controls{.state = plan.state,
                            .fingerprint = training_fingerprint(plan),
                            .device = run.device,
                            .cancellation = run.cancellation,
                            .on_begin = {},
                            .on_step = run.steps(),
                            .on_export = {},
                            .on_validation = {}};
  controls.on_begin = [&](std::int64_t done) {
    done_before = done;
    run.begin(plan.label, done);
  };
  controls.on_export = [&](const NetworkPrior& prior, const UNet2D& network) { output.write_weights(prior, network); };
  controls.on_validation = [&](const NetworkPrior& prior, const TrainingHistory& history) {
    output.report(prior, history);
  };
  result.outcome = trainer.run(controls);
  run.end();
  result.history = trainer.history();
  if (result.outcome == TrainingOutcome::finished && result.history.step > done_before) output.measure(result.history);
  result.recent_loss = mean_of_last(result.history.loss, 100);
  return result;
}

}  // namespace recon
