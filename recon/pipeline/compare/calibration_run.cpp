#include "recon/pipeline/compare/calibration_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "data/atomic_file.h"
#include "recon/config/option_lister.h"
#include "recon/config/version.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/metrics/calibration.h"
#include "recon/metrics/risk_control.h"
#include "recon/pipeline/items/opened_input.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/solve/complex_choice.h"
#include "recon/pipeline/solve/engine.h"
#include "recon/pipeline/solve/guarantee.h"
#include "recon/pipeline/solve/precision_choice.h"
#include "recon/pipeline/solve/prior_choice.h"
#include "recon/pipeline/solve/solver_choice.h"
#include "recon/report/line_plot.h"

namespace recon {
namespace {

/// From how many images a bound of quality can be had: conformal_margin().
std::int64_t fewest_for_bounds(double miss) { return static_cast<std::int64_t>(std::ceil(1 / miss - 1e-9)) - 1; }

/// Collects what every image says.
class Evidence final : public ResultSink {
 public:
  Evidence(const CalibrationPlan& plan, std::int64_t samples) : miss_(plan.options.miss), samples_(samples) {}

  void done(const ItemGroup& group, std::vector<std::vector<ItemOutcome>> outcomes) override {
    if (outcomes.empty()) return;
    const ItemOutcome& outcome = outcomes.front().front();
    const std::string& id = group.ids.front();
    if (group.errors.front() || outcome.error)
      return fail(id, group.errors.front() ? *group.errors.front() : *outcome.error);
    const ResultRow& row = outcome.result->rows.front();
    if (row.status == to_string(Outcome::stopped_early)) return;  // half of a walk
    const PreparedItem& item = *group.items.front();
    if (item.op->magnitude()) {
      throw usage_error("operator",
                        "{} measures magnitudes: images are known up to shifts and turns, and no interval of "
                        "pixels can be promised",
                        item.op->name());
    }
    if (!item.ground_truth.defined())
      throw data_error(id, "has no ground truth: a calibration needs images that are known");
    add(item, *outcome.result);
  }

  /// Everything but what it was made for.
  CalibrationResult finish(const CalibrationPlan& plan);

 private:
  void fail(const std::string& id, const Error& error) {
    log::warn("item {} failed: {}", id, error.what());
    if (!first_fault_) first_fault_ = error;
    ++failed_;
  }

  void add(const PreparedItem& item, const MethodResult& result) {
    at::Tensor truth = in_window(item.ground_truth[0].cpu(), *item.op), x = result.x, samples = result.samples;
    to_one_field(samples, truth);
    if (x.is_complex() != samples.is_complex()) x = x.abs();
    const double range = item.range.high - item.range.low;
    set_.ids.push_back(item.id);
    curves_.push_back(miss_curve(x, result.std, truth));
    for (const auto& [name, value] : image_quality(x, truth, range)) set_.figures[name].push_back(value);
    for (const auto& [name, value] : predicted_quality(x, samples, range, miss_)) {
      set_.figures["predicted_" + name].push_back(value);
    }
    const Calibration calibration = calibrate(samples, truth, result.pairs);
    const at::Tensor independent = samples.index_select(0, at::tensor(result.pairs.independent()));
    stated_.push_back(spread_of(samples, result.pairs).half_width(1 - miss_));
    for (std::size_t i = 0; i < calibration.nominal.size(); ++i) {
      set_.figures[fmt::format("coverage_{:.0f}", 100 * calibration.nominal[i])].push_back(calibration.covered[i]);
    }
    set_.figures["crps"].push_back(calibration.crps);
    ranks_.push_back(at::tensor(calibration.ranks, at::kDouble));
    if (!item.noise.photons.counts_photons()) {
      set_.noise_low = set_.ids.size() == 1 ? item.noise.std : std::min(set_.noise_low, item.noise.std);
      set_.noise_high = std::max(set_.noise_high, item.noise.std);
    }
    // Seen from the image before it; the first one from the last, when that is known.
    if (previous_.defined()) nearer_.push_back(share_nearer(independent, truth, previous_));
    if (!previous_.defined()) first_ = {independent, truth};
    previous_ = truth;
  }

  void bound_quality();

  double miss_;
  std::int64_t samples_;
  CalibrationSet set_;
  std::vector<std::vector<double>> curves_;
  std::vector<at::Tensor> ranks_;
  std::vector<double> nearer_;
  std::vector<double> stated_;               ///< half widths in std that the samples say hold 1 - miss
  std::pair<at::Tensor, at::Tensor> first_;  ///< its independent samples and truth
  at::Tensor previous_;
  std::size_t failed_ = 0;
  std::optional<Error> first_fault_;
};

/// How far the samples' own quantile is from what is true of the image, at the worst that counts.
void Evidence::bound_quality() {
  for (const char* quality : {"psnr", "ssim", "nrmse"}) {
    const auto attained = set_.figures.find(quality);
    const auto said = set_.figures.find(std::string("predicted_") + quality);
    const auto of_all = [&](const auto& figure) {
      return figure != set_.figures.end() && figure->second.size() == set_.ids.size();
    };
    if (!of_all(attained) || !of_all(said)) continue;
    const std::vector<double>& predicted = said->second;
    std::vector<double> scores;
    for (std::size_t i = 0; i < predicted.size(); ++i) {
      scores.push_back(more_is_better(quality) ? predicted[i] - attained->second[i]
                                               : attained->second[i] - predicted[i]);
    }
    if (const auto margin = conformal_margin(scores, miss_)) set_.margins[quality] = *margin;
  }
}

CalibrationResult Evidence::finish(const CalibrationPlan& plan) {
  if (set_.ids.empty() && first_fault_) throw *first_fault_;
  CalibrationResult result;
  result.samples = samples_;
  result.failed = failed_;
  if (set_.ids.empty()) return result;
  set_.miss = miss_;
  set_.confidence = plan.options.confidence;
  set_.factors = interval_factors();
  const auto controlled = controlled_factor(curves_, miss_, set_.confidence);
  set_.interval_factor = controlled ? controlled->factor : NAN;
  bound_quality();
  std::vector<at::Tensor> rows;
  for (const auto& curve : curves_) rows.push_back(at::tensor(curve, at::kDouble));
  set_.misses = at::stack(rows);
  set_.ranks = at::stack(ranks_);
  const at::Tensor mean = set_.misses.mean(0).contiguous();
  const auto narrowest = std::find_if(mean.const_data_ptr<double>(), mean.const_data_ptr<double>() + mean.numel(),
                                      [&](double missed) { return missed <= miss_; });
  const double stated = at::tensor(stated_, at::kDouble).mean().item<double>();
  const auto place = static_cast<std::size_t>(narrowest - mean.const_data_ptr<double>());
  set_.std_scale = place < set_.factors.size() ? set_.factors[place] / stated : NAN;
  if (set_.ids.size() > 1) {
    nearer_.insert(nearer_.begin(), share_nearer(first_.first, first_.second, previous_));
    set_.figures["nearer"] = nearer_;
    result.images = expected_coverage(nearer_, first_.first.size(0), static_cast<std::uint64_t>(plan.options.seed));
  }
  Calibration all{.independent = set_.ranks.size(1) - 1, .nominal = {}, .covered = {}, .crps = 0, .ranks = {}};
  const at::Tensor ranks = set_.ranks.mean(0).contiguous();
  all.ranks.assign(ranks.const_data_ptr<double>(), ranks.const_data_ptr<double>() + ranks.numel());
  for (const auto& point : calibration_curve(all)) {
    result.nominal.push_back(point.nominal);
    result.covered.push_back(point.covered);
  }
  result.set = std::move(set_);
  return result;
}

void require_promising(const CalibrationPlan& plan, const NamedSolver& main, std::size_t images) {
  if (!main.traits.samples || main.traits.claim == Claim::none) {
    throw usage_error("solver",
                      "{} draws no samples, so that it has no standard deviation to calibrate; take dps or pigdm",
                      main.name);
  }
  if (plan.options.samples < 2) {
    throw usage_error(plan.location_of_samples, "samples: expected 2 or more, whose spread is to be calibrated, got 1");
  }
  const double miss = plan.options.miss, confidence = plan.options.confidence;
  const auto there = static_cast<std::int64_t>(images);
  if (there < fewest_for_bounds(miss)) {
    throw usage_error("input", "{} images promise nothing: bounds of quality at `miss: {}` take {}, intervals {}",
                      there, miss, fewest_for_bounds(miss), fewest_images(miss, confidence));
  }
  if (there < fewest_images(miss, confidence)) {
    log::warn("{} images show no interval at `miss: {}` and `confidence: {}`: that takes {} even without a miss", there,
              miss, confidence, fewest_images(miss, confidence));
  }
}

void write_plot(const std::string& path, const CalibrationResult& result) {
  std::vector<Curve> curves = {{"exact", {0, 1}, {0, 1}}, {"pixels", result.nominal, result.covered}};
  if (const auto& images = result.images) {
    curves.push_back({"images (TARP)", images->nominal, images->covered});
    curves.push_back({"images, 5 %", images->nominal, images->low});
    curves.push_back({"images, 95 %", images->nominal, images->high});
  }
  write_file_atomically(path, line_plot_svg(curves, {.title = "Calibration", .x_label = "stated", .y_label = "true"}));
}

}  // namespace

CalibrationResult run_calibration(const CalibrationPlan& stated, const RunControls& controls) {
  CalibrationPlan plan = stated;
  std::vector<OpenedInput> inputs = open_inputs(plan.input, plan.item_options);
  for (const auto& file : {plan.output, plan.plot}) {
    if (!file.empty()) require_writable(file.string(), controls.overwrite);
  }
  std::vector<std::vector<std::int64_t>> wanted;
  std::vector<FirstItem> firsts;
  std::vector<ItemSource*> sources;
  std::size_t images = 0;
  for (auto& input : inputs) {
    wanted.push_back(input.source.indices(plan.options.items));
    firsts.push_back({&input.source, wanted.back().front()});
    sources.push_back(&input.source);
    images += wanted.back().size();
  }
  settle_solver(plan.main, plan.resolved, firsts, plan.options.samples, controls.device);
  settle_prior(plan.prior, plan.resolved, firsts, plan.main.traits.needs_prior);
  settle_precision(plan.options.precision, plan.resolved, plan.main.traits.needs_prior, plan.prior,
                   sources.front()->image().shape, controls.device);
  require_promising(plan, plan.main, images);
  const bool needs_prior = plan.main.traits.needs_prior;
  settle_complex_image(sources, needs_prior, controls.device);
  const SolvingConditions solving = solving_conditions(plan.options, plan.main, plan.resolved["solver"], plan.prior);
  const auto made_for = conditions_of(solving, inputs.front());
  for (const auto& input : inputs) {
    if (conditions_of(solving, input) != made_for) {
      throw usage_error(input.path, "is measured by another operator than {}; calibrate one at a time",
                        inputs.front().path);
    }
  }
  Evidence evidence(plan, plan.options.samples);
  const ItemOptions& options = plan.item_options;
  const Method method{
      .runner = ItemRunner(
          plan.main,
          needs_prior ? open_prior(plan.prior, *plan.options.precision, plan.options.memory.bytes()) : nullptr,
          options.complex_image, options.location_of_complex_image,
          {.selection = plan.options.select,
           .antithetic = plan.options.antithetic,
           .maps = false,
           .prior_slices = options.prior_slices}),
      .samples = plan.options.samples};
  Engine engine({.seed = static_cast<std::uint64_t>(plan.options.seed), .memory = plan.options.memory.bytes()},
                controls);
  for (std::size_t i = 0; i < inputs.size() && !controls.cancelled(); ++i) {
    SingleItems items(inputs[i].source, wanted[i], controls.device);
    engine.run(items, {method}, evidence);
  }
  CalibrationResult result = evidence.finish(plan);
  result.interrupted = controls.cancelled();
  if (result.set.ids.empty()) return result;
  result.set.made_for = made_for;
  result.set.config = to_yaml(plan.resolved);
  result.set.seed = static_cast<std::uint64_t>(plan.options.seed);
  result.set.versions = versions();
  write_calibration_file(plan.output.string(), result.set);
  if (!plan.plot.empty()) write_plot(plan.plot.string(), result);
  result.saved = true;
  return result;
}

}  // namespace recon
