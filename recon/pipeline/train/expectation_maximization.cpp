#include "recon/pipeline/train/expectation_maximization.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <numeric>

#include "data/atomic_file.h"
#include "data/result_file.h"
#include "priors/power_spectrum.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/items/image_collection.h"
#include "recon/pipeline/items/input_plan.h"
#include "recon/pipeline/items/item_choice.h"
#include "recon/pipeline/items/opened_input.h"
#include "recon/pipeline/solve/figures.h"
#include "recon/pipeline/train/round_journal.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t gaussian_items = 64;
constexpr std::int64_t gaussian_seeds = 1'000'000;  ///< beyond those of the rounds
constexpr std::int64_t training_items_per_held_out = 15;

/// What is measured, as far as all items have it in common.
struct Measured {
  std::vector<std::string> ids;  ///< of the chosen items
  TensorSpec image;
  ImageRange range;
  std::string what;  ///< "inpainting(array, 40.2 % measured)"
  bool linear = false;
  nlohmann::ordered_json hashes;
};

Measured look_at(const TrainingPlan& plan) {
  const MeasurementRounds& rounds = *plan.measured;
  std::vector<OpenedInput> inputs = open_inputs(read_input_plan(rounds.input), rounds.item_options);
  Measured measured;
  measured.image = inputs.front().source.image();
  measured.range = inputs.front().source.header().range;
  std::vector<std::string> ids;
  for (const auto& input : inputs) {
    const auto& range = input.source.header().range;
    if (input.source.image() != measured.image || range.low != measured.range.low ||
        range.high != measured.range.high) {
      throw usage_error(rounds.location,
                        "input: expected images of one shape and range, found {} in [{:g}, {:g}] in {} and {} in "
                        "[{:g}, {:g}] in {}; train on the files of one shape",
                        measured.image.to_string(), measured.range.low, measured.range.high, inputs.front().path,
                        input.source.image().to_string(), range.low, range.high, input.path);
    }
    ids.insert(ids.end(), input.source.ids().begin(), input.source.ids().end());
    measured.hashes.push_back(input.hash);
  }
  for (const std::int64_t i : chosen_items(ids, rounds.items, rounds.location)) {
    measured.ids.push_back(ids[static_cast<std::size_t>(i)]);
  }
  if (measured.ids.size() < 2) throw usage_error(rounds.location, "one item is too few to learn from");
  const std::int64_t channels = channels_of(plan.setup.channels);
  if (measured.image.scalar != ScalarKind::real || measured.image.shape.size() != 3 ||
      measured.image.shape[0] != channels) {
    throw usage_error(rounds.location,
                      "input: expected measurements of real images of {} channel(s), these are of {}; see `channels` "
                      "and `complex_image: magnitude`",
                      channels, measured.image.to_string());
  }
  const PreparedItem first = inputs.front().source.prepare(0, c10::kCPU);
  measured.what = first.op->name();
  measured.linear = first.op->is_linear();
  return measured;
}

YamlNodePtr text_node(const std::string& text) {
  auto node = std::make_shared<YamlNode>();
  node->kind = YamlNode::Kind::scalar;
  node->text = text;
  node->quoted = true;
  node->location = "from_measurements";
  return node;
}

YamlNodePtr list_node(const std::vector<std::string>& texts) {
  auto node = std::make_shared<YamlNode>();
  node->kind = YamlNode::Kind::sequence;
  node->location = "from_measurements";
  for (const auto& text : texts) node->items.push_back(text_node(text));
  node->expanded_size = 1 + texts.size();
  return node;
}

YamlNodePtr number_node(std::int64_t number) {
  auto node = std::make_shared<YamlNode>(*text_node(std::to_string(number)));
  node->quoted = false;
  return node;
}

/// Some of them, evenly spread.
std::vector<std::string> spread(const std::vector<std::string>& ids, std::size_t count) {
  if (ids.size() <= count) return ids;
  std::vector<std::string> some;
  for (std::size_t i = 0; i < count; ++i) some.push_back(ids[i * ids.size() / count]);
  return some;
}

TrainingImages chosen(const TrainingImages& all, std::vector<std::int64_t> which) {
  TrainingImages some = all;
  some.count = std::ssize(which);
  some.image = [image = all.image, which = std::move(which)](std::int64_t index) {
    return image(which.at(static_cast<std::size_t>(index)));
  };
  return some;
}

/// The draws of one round.
struct Draws {
  std::string images;  ///< FILE:/reconstructions
  ImageRange range;
  std::vector<std::int64_t> usable;  ///< rows of items that did not fail
  std::size_t failed = 0;
  double chi2 = 0, psnr = 0;  ///< means; NaN: not known
  double seconds = 0;
};

Draws draws_in(const fs::path& path) {
  const ResultFile file = ResultFile::open(path.string());
  const SolverResults figures = file.figures();
  Draws draws;
  draws.images = path.string() + ":/reconstructions";
  draws.range = file.header().range;
  std::string first_error;
  for (std::int64_t i = 0; i < file.count(); ++i) {
    const std::string& error = figures.error[static_cast<std::size_t>(i)];
    if (error.empty()) {
      draws.usable.push_back(i);
    } else if (draws.failed++ == 0) {
      first_error = fmt::format("{}: {}", file.header().ids[static_cast<std::size_t>(i)], error);
    }
  }
  if (2 * draws.failed > static_cast<std::size_t>(file.count()) || draws.usable.size() < 2) {
    throw data_error(path.string(), "{} of {} items have no draw, the first: {}", draws.failed, file.count(),
                     first_error);
  }
  draws.chi2 = mean_of_known(figures.chi2).mean;
  const auto psnr = figures.metrics.find("psnr");
  draws.psnr = psnr == figures.metrics.end() ? NAN : mean_of_known(psnr->second).mean;
  draws.seconds = std::accumulate(figures.seconds.begin(), figures.seconds.end(), 0.0);
  return draws;
}

class Rounds {
 public:
  Rounds(const TrainingPlan& plan, const RunControls& run, const DrawPosterior& draw)
      : plan_(plan),
        rounds_(*plan.measured),
        run_(run),
        draw_(draw),
        measured_(look_at(plan)),
        folder_(plan.output / "rounds") {}

  TrainingResult train();

 private:
  fs::path folder_of(const std::string& round) const { return folder_ / round; }
  fs::path prior_of(std::int64_t round) const { return folder_of(std::to_string(round)) / "prior" / ""; }
  bool draw(const std::string& prior, const std::string& round, std::int64_t seed, YamlNodePtr config) const;
  std::optional<std::string> gaussian_prior() const;
  void write_gaussian(const std::string& round, const std::vector<double>& mean, const PowerSpectrum& spectrum) const;
  void fit_gaussian(const Draws& draws, const std::string& round) const;
  TrainingResult maximise(std::int64_t round, const std::string& prior, const Draws& draws) const;
  void publish(std::int64_t round) const;
  ImageDomain domain() const {
    return {.channels = measured_.image.shape[0],
            .fixed_size = {},
            .low = plan_.setup.value_range[0],
            .high = plan_.setup.value_range[1]};
  }

  const TrainingPlan& plan_;
  const MeasurementRounds& rounds_;
  const RunControls& run_;
  const DrawPosterior& draw_;
  Measured measured_;
  fs::path folder_;
};

bool Rounds::draw(const std::string& prior, const std::string& round, std::int64_t seed, YamlNodePtr config) const {
  fs::create_directories(folder_of(round));
  config = with_value(config, "prior", text_node(prior));
  config = with_value(config, "seed", number_node(plan_.options.seed + seed));
  config = with_value(config, "output.path", text_node((folder_of(round) / "draws.h5").string()));
  return draw_(config);
}

void Rounds::write_gaussian(const std::string& round, const std::vector<double>& mean,
                            const PowerSpectrum& spectrum) const {
  const ImageDomain images = domain();
  std::string card = fmt::format(
      "name: gaussian\ndescription: A stationary Gaussian, the beginning of a training from measurements.\n"
      "value_range: [{}, {}]\nsize: [{}, {}]\nmean: [{}]\npower_spectrum:\n",
      images.low, images.high, measured_.image.shape[1], measured_.image.shape[2], fmt::join(mean, ", "));
  for (const auto& [frequency, power] : spectrum) card += fmt::format("  - [{}, {}]\n", frequency, power);
  fs::create_directories(folder_of(round) / "prior");
  write_file_atomically((folder_of(round) / "prior" / "prior.yaml").string(), card);
}

/// Mean and spectrum of the draws: the M-step of a Gaussian.
void Rounds::fit_gaussian(const Draws& draws, const std::string& round) const {
  const TrainingImages all = open_image_collection({draws.images}, domain(), draws.range);
  std::vector<at::Tensor> images;
  for (const std::int64_t i : draws.usable) images.push_back(all.image(i).to(at::kDouble));
  const at::Tensor stack = at::stack(images), means = stack.mean({0, 2, 3});
  std::vector<double> mean(means.data_ptr<double>(), means.data_ptr<double>() + means.numel());
  const PowerSpectrum spectrum = measured_power_spectrum(stack - means.view({1, -1, 1, 1}));
  if (spectrum.empty()) {
    throw usage_error(rounds_.location,
                      "images of {} have no power spectrum to begin with (8 x 8 pixels at least, not constant); set "
                      "`init`",
                      measured_.image.to_string());
  }
  write_gaussian(round, mean, spectrum);
}

/// The path of the prior that the first round draws from; nothing when interrupted.
std::optional<std::string> Rounds::gaussian_prior() const {
  if (!measured_.linear) {
    throw usage_error(rounds_.location,
                      "{} is not linear: there are no exact draws for a Gaussian beginning; set `init` to a prior to "
                      "begin with",
                      measured_.what);
  }
  const auto name = [](std::int64_t round) { return fmt::format("gaussian_{}", round); };
  const auto path = [&](std::int64_t round) { return (folder_of(name(round)) / "prior" / "").string(); };
  if (!fs::exists(path(0) + "prior.yaml")) {
    // Steep: from below the spectrum rises to the data's in two or three rounds, from above it would take dozens.
    const double half_range = (domain().high - domain().low) / 2;
    const double lowest = 1.0 / static_cast<double>(std::min(measured_.image.shape[1], measured_.image.shape[2]));
    PowerSpectrum spectrum;
    for (double f = lowest; f < 0.75; f *= 1.25) spectrum.emplace_back(f, std::pow(f, -3.0));
    const double variance =
        on_frequencies(spectrum, measured_.image.shape[1], measured_.image.shape[2]).mean().item<double>();
    for (auto& row : spectrum) row.second *= 0.25 * half_range * half_range / variance;
    write_gaussian(name(0),
                   std::vector<double>(static_cast<std::size_t>(domain().channels), (domain().high + domain().low) / 2),
                   spectrum);
  }
  YamlNodePtr config = with_value(rounds_.batch, "solver", text_node("exact_posterior"));
  config = with_value(config, "items", list_node(spread(measured_.ids, gaussian_items)));
  for (std::int64_t round = 1; round <= rounds_.options.gaussian_rounds; ++round) {
    if (fs::exists(path(round) + "prior.yaml")) continue;
    if (!draw(path(round - 1), name(round), gaussian_seeds + round, config)) return std::nullopt;
    const fs::path drawn = folder_of(name(round)) / "draws.h5";
    fit_gaussian(draws_in(drawn), name(round));
    fs::remove(drawn);
  }
  return path(rounds_.options.gaussian_rounds);
}

TrainingResult Rounds::maximise(std::int64_t round, const std::string& prior, const Draws& draws) const {
  TrainingPlan plan = plan_;
  plan.measured.reset();
  plan.images = {draws.images};
  plan.output = prior_of(round).parent_path();
  plan.state = folder_of(std::to_string(round)) / "training_state.safetensors";
  plan.label = fmt::format("round {} of {}: train {}", round, rounds_.options.rounds, plan.setup.name);
  plan.setup.image_range = {draws.range.low, draws.range.high};
  plan.setup.resume = Resume::automatic;
  plan.options.seed += round;
  if (round > 1) {
    plan.init = prior;
    plan.setup.init = fmt::format("round {}", round - 1);
  }
  plan.setup.training_data = fmt::format(
      "{}{}posterior draws of {} measurements by {}, no clean image: round {} of expectation-maximisation that began "
      "with {}",
      plan_.setup.training_data, plan_.setup.training_data.empty() ? "" : "; ", measured_.ids.size(), measured_.what,
      round, plan_.init.empty() ? "a stationary Gaussian" : plan_.setup.init);
  TrainingTask task = training_task(plan);
  const std::int64_t count = std::ssize(draws.usable);
  const std::int64_t held_out =
      std::clamp<std::int64_t>(count / (training_items_per_held_out + 1), 1, plan.options.validation_images);
  std::vector<std::int64_t> training, validation;
  for (std::int64_t i = 0; i < count; ++i) {
    const bool held = (i * held_out) / count != ((i + 1) * held_out) / count;
    (held ? validation : training).push_back(draws.usable[static_cast<std::size_t>(i)]);
  }
  task.validation = chosen(task.images, std::move(validation));
  task.images = chosen(task.images, std::move(training));
  return recon::train(plan, std::move(task), run_);
}

/// What the output folder holds, from here on.
void Rounds::publish(std::int64_t round) const {
  std::error_code fault;
  fs::copy(prior_of(round).parent_path(), plan_.output,
           fs::copy_options::recursive | fs::copy_options::overwrite_existing, fault);
  if (fault)
    throw data_error(plan_.output.string(), "the prior of round {} cannot be copied: {}", round, fault.message());
}

TrainingResult Rounds::train() {
  const fs::path journal_file = plan_.output / "rounds.json";
  if (plan_.setup.resume == Resume::never) {
    fs::remove(journal_file);
    fs::remove_all(folder_);
  }
  std::error_code fault;
  fs::create_directories(folder_, fault);
  if (fault) throw data_error(plan_.output.string(), "the output folder cannot be made: {}", fault.message());
  RoundJournal journal(journal_file, {{"training", nlohmann::ordered_json::parse(training_fingerprint(plan_))},
                                      {"measurements", measured_.hashes}});
  const std::int64_t wanted = rounds_.options.rounds, done = std::ssize(journal.rounds());
  if (done > wanted) {
    throw usage_error(rounds_.location,
                      "{} rounds are done; `rounds: {}` is less; use another `output`, or `resume: never`", done,
                      wanted);
  }
  TrainingResult result;
  result.parameters = 0;
  // The last round that is done is gone through again: all of it is there, and its history is the result's.
  for (std::int64_t round = std::min(done + 1, wanted); round <= wanted; ++round) {
    const std::string name = std::to_string(round);
    std::string prior = round > 1 ? prior_of(round - 1).string() : plan_.init;
    if (prior.empty()) {
      const auto gaussian = gaussian_prior();
      if (!gaussian) return result.outcome = TrainingOutcome::interrupted, result;
      prior = *gaussian;
    }
    if (!draw(prior, name, round, with_value(rounds_.batch, "items", list_node(measured_.ids)))) {
      result.outcome = TrainingOutcome::interrupted;
      return result;
    }
    const Draws draws = draws_in(folder_of(name) / "draws.h5");
    if (draws.failed > 0) log::warn("round {}: {} items have no draw and are left out", round, draws.failed);
    result = maximise(round, prior, draws);
    result.rounds = journal.rounds();
    if (result.outcome != TrainingOutcome::finished) return result;
    publish(round);
    journal.set(round, {.chi2 = draws.chi2,
                        .psnr = draws.psnr,
                        .loss = result.recent_loss,
                        .failed = static_cast<std::int64_t>(draws.failed),
                        .drawing_seconds = draws.seconds,
                        .training_seconds = result.history.seconds});
    result.rounds = journal.rounds();
    const RoundFigures& figures = result.rounds.back();
    log::info("round {} of {}: draws with chi2 {:.3g}{}, loss {:.4g}", round, wanted, figures.chi2,
              std::isfinite(figures.psnr) ? fmt::format(", PSNR {:.2f} dB", figures.psnr) : "", figures.loss);
    for (std::int64_t before = 1; before < round; ++before) {
      fs::remove(folder_of(std::to_string(before)) / "draws.h5");
      fs::remove(folder_of(std::to_string(before)) / "training_state.safetensors");
    }
    if (run_.cancelled() && round < wanted) {
      result.outcome = TrainingOutcome::interrupted;
      return result;
    }
  }
  return result;
}

}  // namespace

TrainingResult train_from_measurements(const TrainingPlan& plan, const RunControls& run, const DrawPosterior& draw) {
  require_network(plan);  // not after an hour of drawing
  return Rounds(plan, run, draw).train();
}

}  // namespace recon
