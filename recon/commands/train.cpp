// recon train: trains a prior from images.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "recon/commands/batch_progress.h"
#include "recon/commands/progress_printer.h"
#include "recon/commands/verb_setup.h"
#include "recon/core/error.h"
#include "recon/pipeline/batch/batch_engine.h"
#include "recon/pipeline/train/expectation_maximization.h"
#include "recon/pipeline/train/training.h"
#include "recon/pipeline/train/training_tuning.h"

namespace recon {
namespace {

const char* name_of(TrainingOutcome outcome) {
  switch (outcome) {
    case TrainingOutcome::interrupted:
      return "interrupted";
    case TrainingOutcome::diverged:
      return "diverged";
    case TrainingOutcome::finished:
      break;
  }
  return "finished";
}

class TrainVerb final : public Verb {
 public:
  const char* name() const override { return "train"; }
  const char* summary() const override { return "Train a prior from images, or from measurements alone"; }
  const char* examples() const override {
    return R"(CONFIG is a YAML file; `images` and `validation` are paths from its folder (from the working directory
with --set), `output`, a folder, from the working directory. The same command again goes on where a run was
stopped or killed, and ends with the weights of an uninterrupted run.

Examples:
  recon train configs/train/tiny.yaml
  recon train train.yaml --set images=photos/ --set output=my_prior --set training.steps=20000
  recon train train.yaml --tune                        which batch and learning rate suit this machine and these images
  recon train train.yaml --set init=natural_gray --set training.learning_rate=1e-4
  recon train train.yaml --operator '{type: blur, std_px: 2}' --noise-std 0.01 --set init=natural_gray
  recon train train.yaml --from-measurements masked.h5      no clean image: rounds of posterior draws and training
  recon inspect ./trained_prior --check
)";
  }

  void describe(CLI::App& app) override {
    app.add_option("CONFIG", config_, "Config (YAML)")->required();
    app.add_flag("--tune", tune_,
                 "Try batches and learning rates for a minute or some, propose one of each, and train nothing");
    shortcuts_.add_to(app, {"output", "from_measurements", "operator", "noise_std"},
                      {{"operator", "measurement.operator"}, {"noise_std", "measurement.noise_std"}});
  }

  VerbResult execute(const GlobalOptions& options) override {
    ProgressPrinter progress(options.quiet);
    const RunControls controls = controls_of(options, progress);
    Config config = config_of(config_, options, shortcuts_);
    if (shortcuts_.given("from_measurements")) {
      for (const char* key : {"images", "validation"}) config.set(key, "[]", "--from-measurements");
    }
    const TrainingPlan plan = read_training_plan(config, options.seed);
    if (tune_ && plan.measured) {
      throw usage_error("--tune",
                        "it tries images, of which there are none before the first draws; name some by `images`");
    }
    if (tune_) return proposed(tune_training(plan, controls));
    if (!plan.measured) return reported(plan, train(plan, controls));
    const auto draw = [&](const YamlNodePtr& batch) { return draw_posterior(batch, controls, options); };
    draw_posterior_plan(plan.measured->batch);  // its faults before the work
    return reported(plan, train_from_measurements(plan, controls, draw));
  }

 private:
  static BatchPlan draw_posterior_plan(const YamlNodePtr& config) {
    BatchPlan plan = read_batch_plan(config, std::nullopt);
    if (plan.main.solver == nullptr || plan.main.traits.claim != Claim::samples) {
      throw usage_error(config->find("solver")->location,
                        "solver: {} draws no samples, and a prior trained on anything else loses what the data do not "
                        "say; take one of those that `recon list solvers` claims samples of: jfps, dps, pigdm",
                        plan.main.name);
    }
    return plan;
  }

  static bool draw_posterior(const YamlNodePtr& config, const RunControls& controls, const GlobalOptions& options) {
    BatchProgress progress(options.quiet || options.json);
    RunControls here = controls;
    here.observer = &progress;
    BatchTask task;
    task.on_event = [&](const nlohmann::ordered_json& event) { progress.tell(event); };
    const std::vector<BatchResult> results = run_batch(draw_posterior_plan(config), task, here);
    if (results.size() != 1) throw usage_error("from_measurements", "`batch.group_by_shape` is not for training");
    return results.front().complete;
  }

  static VerbResult proposed(const TrainingProposal& proposal) {
    VerbResult verb;
    verb.exit_code = proposal.interrupted ? exit_some_failed : exit_ok;
    verb.json = {{"batch", nullptr},
                 {"learning_rate", nullptr},
                 {"interrupted", proposal.interrupted},
                 {"batches", nlohmann::ordered_json::array()},
                 {"learning_rates", nlohmann::ordered_json::array()}};
    verb.text = "batch  seconds per image  peak/MiB\n";
    for (const auto& [batch, seconds, peak] : proposal.batches) {
      verb.json["batches"].push_back({{"batch", batch}, {"seconds_per_image", seconds}, {"peak_mib", peak}});
      verb.text += fmt::format("{:>5}  {:>17.3g}  {:>8.0f}\n", batch, seconds, peak);
    }
    verb.text += "\nlearning rate   loss\n";
    for (const auto& [rate, loss] : proposal.rates) {
      verb.json["learning_rates"].push_back({{"learning_rate", rate}, {"loss", loss}});
      verb.text += fmt::format("{:>13g}  {:>5.3g}\n", rate, loss);
    }
    if (proposal.batch > 0) verb.json["batch"] = proposal.batch;
    if (proposal.interrupted) {
      verb.text += proposal.batch > 0
                       ? fmt::format("\ninterrupted: a batch of {}, and no learning rate yet\n", proposal.batch)
                       : "\ninterrupted: nothing to propose yet\n";
      return verb;
    }
    verb.json["learning_rate"] = proposal.learning_rate;
    verb.text += fmt::format("\nTo begin with:\n  training: {{batch: {}, learning_rate: {:g}}}\n", proposal.batch,
                             proposal.learning_rate);
    return verb;
  }

  static VerbResult reported(const TrainingPlan& plan, const TrainingResult& result) {
    const TrainingHistory& history = result.history;
    VerbResult verb;
    verb.json = {{"output", plan.output.string()},  {"outcome", name_of(result.outcome)},
                 {"images", result.channels},       {"steps", history.step},
                 {"skipped", history.skipped},      {"loss", result.recent_loss},
                 {"parameters", result.parameters}, {"seconds", history.seconds},
                 {"weights_of_step", nullptr},      {"validation", nlohmann::ordered_json::array()}};
    verb.text = fmt::format("{}: {} after {} steps, loss {:.4g} (mean of the last 100)\n", plan.output.string(),
                            name_of(result.outcome), history.step, result.recent_loss);
    const double peak = plan.setup.value_range[1] - plan.setup.value_range[0];
    if (const ValidationPoint* best = best_validation(history); best != nullptr) {
      verb.json["weights_of_step"] = best->step;
      verb.text += fmt::format("the weights are those of step {}, the best in validation:\n", best->step);
      verb.text += "relative sigma  mean squared error  PSNR/dB\n";
      for (const auto& [r, mse] : best->table) {
        verb.json["validation"].push_back({{"relative_sigma", r}, {"mse", mse}, {"psnr", denoising_psnr(mse, peak)}});
        verb.text += fmt::format("{:>14.3g}  {:>18.4g}  {:>7.2f}\n", r, mse, denoising_psnr(mse, peak));
      }
    }
    if (plan.measured) add_rounds(verb, result.rounds);
    if (result.outcome == TrainingOutcome::interrupted) verb.text += "the same command goes on from here\n";
    if (result.outcome == TrainingOutcome::diverged) {
      verb.text += "loss or gradient were not finite; lower training.learning_rate and start with resume: never\n";
    }
    if (result.outcome != TrainingOutcome::finished) verb.exit_code = exit_some_failed;
    return verb;
  }

  static void add_rounds(VerbResult& verb, const std::vector<RoundFigures>& rounds) {
    verb.json["rounds"] = nlohmann::ordered_json::array();
    verb.text += "round  chi2 of the draws  PSNR/dB   loss  drawing/s  training/s\n";
    for (const auto& round : rounds) {
      verb.json["rounds"].push_back(to_json(round));
      verb.text += fmt::format("{:>5}  {:>17.3g}  {:>7}  {:>5.3g}  {:>9.0f}  {:>10.0f}\n", verb.json["rounds"].size(),
                               round.chi2, std::isfinite(round.psnr) ? fmt::format("{:.2f}", round.psnr) : "-",
                               round.loss, round.drawing_seconds, round.training_seconds);
    }
  }

  std::string config_;
  bool tune_ = false;
  ConfigShortcuts shortcuts_;
};

}  // namespace

std::unique_ptr<Verb> make_train_verb() { return std::make_unique<TrainVerb>(); }

}  // namespace recon
