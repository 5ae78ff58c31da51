// recon calibrate: what a solver's samples promise, from images whose truth is known.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>

#include "recon/commands/progress_printer.h"
#include "recon/commands/verb_setup.h"
#include "recon/core/log.h"
#include "recon/metrics/risk_control.h"
#include "recon/pipeline/compare/calibration_run.h"
#include "recon/pipeline/solve/guarantee.h"
#include "recon/report/text_table.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::string coverage_text(const CalibrationSet& set) {
  std::string text = "of the pixels, the truth lies in the interval stated as";
  for (const int percent : {50, 80, 90, 95}) {
    const auto& covered = set.figures.at(fmt::format("coverage_{}", percent));
    text += fmt::format("{} {} %: {:.1f} %", percent == 50 ? "" : ",", percent, 100 * mean_of(covered));
  }
  return text + "\n";
}

std::string interval_text(const CalibrationSet& set) {
  if (!std::isfinite(set.interval_factor)) {
    return fmt::format(
        "no factor of the standard deviation keeps {:g} % of missed pixels; {} images can show one at least\n",
        100 * set.miss, fewest_images(set.miss, set.confidence));
  }
  return fmt::format(
      "image ± {:.3g} std misses at most {:g} % of the pixels of an image, on average and with confidence {:g} %\n",
      set.interval_factor, 100 * set.miss, 100 * set.confidence);
}

std::string bounds_text(const CalibrationSet& set) {
  std::string text;
  for (const auto& [quality, margin] : set.margins) {
    text += fmt::format("{}: the samples' own bound {} {:.3g} holds in {:g} % of images\n", quality,
                        more_is_better(quality) ? "less" : "plus", margin, 100 * (1 - set.miss));
  }
  return text;
}

class CalibrateVerb final : public Verb {
 public:
  const char* name() const override { return "calibrate"; }
  const char* summary() const override { return "Try a solver on known images: guaranteed intervals and bounds"; }
  const char* examples() const override {
    return R"(CONFIG is a YAML file with the keys of a run config (input, solver, prior, samples, ...). Its input must have ground
truth: a measurement file with it, or `simulate` with images, operator and noise. The calibration goes to `output`;
`recon run`, `batch` and `compare` take it as `calibration: FILE` and then say, for data without truth, an interval that
holds and how good the image is at least. It holds for the operator, noise level, solver, prior and image size that
it was made for, and for images of the same kind; anything else is refused.

Examples:
  recon calibrate configs/calibrate/own_draws.yaml
  recon calibrate mine.yaml --samples 4 -o mine_calibration.h5
  recon run measured.h5 --samples 4 --solver dps --set calibration=./mine_calibration.h5
)";
  }

  void describe(CLI::App& app) override {
    app.add_option("CONFIG", config_, "Config (YAML)")->required();
    shortcuts_.add_to(app, {"solver", "steps", "prior", "precision", "samples", "items", "output"});
    add_force(app, force_);
  }

  VerbResult execute(const GlobalOptions& options) override {
    ProgressPrinter progress(options.quiet);
    const RunControls controls = controls_of(options, progress, force_);
    const CalibrationPlan plan = read_calibration_plan(config_of(config_, options, shortcuts_), options.seed);
    return reported(plan, run_calibration(plan, controls));
  }

 private:
  static VerbResult reported(const CalibrationPlan& plan, const CalibrationResult& result) {
    VerbResult verb;
    verb.exit_code = result.interrupted || result.failed > 0 || !result.saved ? exit_some_failed : exit_ok;
    const CalibrationSet& set = result.set;
    verb.json = {{"output", result.saved ? ordered_json(plan.output.string()) : ordered_json(nullptr)},
                 {"images", set.ids.size()},
                 {"failed", result.failed}};
    if (result.interrupted) log::warn("interrupted: {} image(s) done and saved", set.ids.size());
    if (!result.saved) return verb;
    verb.json["samples"] = result.samples;
    verb.json["miss"] = set.miss;
    verb.json["confidence"] = set.confidence;
    verb.json["interval_factor"] = number_or_null(set.interval_factor);
    verb.json["std_scale"] = number_or_null(set.std_scale);
    for (const auto& [quality, margin] : set.margins) verb.json["margins"][quality] = number_or_null(margin);
    for (const auto& [key, values] : set.figures) verb.json["mean"][key] = number_or_null(mean_of(values));
    verb.text = fmt::format("{} images, {} samples each, mean CRPS {:.4g}\n", set.ids.size(), result.samples,
                            mean_of(set.figures.at("crps"))) +
                coverage_text(set);
    if (const auto& images = result.images) {
      verb.json["tarp"] = {{"nominal", images->nominal},
                           {"covered", images->covered},
                           {"low", images->low},
                           {"high", images->high},
                           {"worst", images->worst}};
      verb.text += fmt::format("images as a whole (TARP): at most {:.1f} standard errors off the diagonal{}\n",
                               images->worst, images->worst > 3 ? ": the samples may be of another posterior" : "");
    }
    if (std::isfinite(set.std_scale)) {
      verb.text += fmt::format("standard deviations are {:.2f} times what covers {:g} % of these pixels\n",
                               1 / set.std_scale, 100 * (1 - set.miss));
    }
    if (const auto held_out = held_out_coverage(set.misses, set.miss)) {
      verb.json["held_out_coverage"] = held_out->mean;
      verb.text += fmt::format("each image by the scale of the others: {:.1f} ± {:.1f} % of its pixels are covered\n",
                               100 * held_out->mean, 100 * held_out->standard_error);
    }
    verb.text += interval_text(set) + bounds_text(set) + "calibration: " + plan.output.string() + "\n";
    if (!plan.plot.empty()) verb.text += "plot: " + plan.plot.string() + "\n";
    return verb;
  }

  std::string config_;
  ConfigShortcuts shortcuts_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_calibrate_verb() { return std::make_unique<CalibrateVerb>(); }

}  // namespace recon
