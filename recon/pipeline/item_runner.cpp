#include "recon/pipeline/item_runner.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "priors/channelwise_prior.h"
#include "recon/metrics/metrics.h"
#include "recon/pipeline/equivalent_image.h"
#include "recon/solvers/samples.h"

namespace recon {
namespace {

/// Of several samples: interrupted if one is, diverged if all are.
std::string status_of(const std::vector<Outcome>& outcomes, MethodResult& result) {
  std::size_t diverged = 0;
  for (const Outcome outcome : outcomes) {
    if (outcome == Outcome::stopped_early) return to_string(outcome);
    diverged += outcome == Outcome::diverged ? 1U : 0U;
  }
  if (diverged == outcomes.size()) return to_string(Outcome::diverged);
  if (diverged > 0) {
    result.warnings.push_back(fmt::format("{} of {} samples diverged and are left out", diverged, outcomes.size()));
  }
  return to_string(
      *std::find_if(outcomes.begin(), outcomes.end(), [](Outcome outcome) { return outcome != Outcome::diverged; }));
}

/// Reconstructions may leave the range, they are never clipped; far outside it something is wrong.
void warn_outside(const ImageRange& range, MethodResult& result) {
  const at::Tensor& x = result.x;
  if (x.is_complex()) return;
  const double margin = 0.1 * (range.high - range.low);
  const auto outside = (x < range.low - margin).logical_or(x > range.high + margin).sum().item<std::int64_t>();
  if (outside == 0) return;
  result.warnings.push_back(
      fmt::format("{} of {} values lie more than 10 % outside image_range [{:g}, {:g}]; they are kept", outside,
                  x.numel(), range.low, range.high));
}

void note_trust(ResultRow& row, const Trust& trust) {
  if (trust.split) row.imagined_share = trust.split->imagined_share;
  if (!trust.calibration) return;
  row.crps = trust.calibration->crps;
  row.coverage_90 = trust.calibration->covered[2];
}

ResultRow row_of(const Report& report, const std::string& id, const std::string& solver, std::int64_t runs) {
  ResultRow row;
  row.id = id;
  row.solver = solver;
  row.nfe_forward = report.nfe_forward * runs;
  row.nfe_backward = report.nfe_backward * runs;
  row.seconds = report.seconds;
  row.peak_mib = report.peak_mib;
  return row;
}

/// The entry that fits its measurement best, diverged ones last.
std::int64_t best_fit(const Problem& problem, const Report& report) {
  const at::Tensor misfit = squared_norms(problem.y - problem.op->apply(report.x));
  std::int64_t best = 0;
  const auto worse = [&](std::int64_t i, std::int64_t than) {
    const auto diverged = [&](std::int64_t k) {
      return report.outcomes[static_cast<std::size_t>(k)] == Outcome::diverged;
    };
    if (diverged(i) != diverged(than)) return diverged(i);
    return misfit[i].item<double>() >= misfit[than].item<double>();
  };
  for (std::int64_t i = 1; i < problem.batch(); ++i) {
    if (!worse(i, best)) best = i;
  }
  return best;
}

}  // namespace

void judge(ResultRow& row, const at::Tensor& x, const PreparedItem& item) {
  const at::Tensor image = x.cpu();
  if (item.ground_truth.defined()) {
    // A magnitude reconstruction is real, its truth may be complex.
    const bool magnitudes = image.is_complex() != item.ground_truth.is_complex();
    const at::Tensor truth = magnitudes ? item.ground_truth.abs() : item.ground_truth;
    at::Tensor shown = magnitudes ? image.abs() : image;
    if (item.op->magnitude() && shown.is_complex() == truth.is_complex())
      shown = nearest_equivalent(shown, truth.to(shown.dtype()));
    const double data_range = item.range.high - item.range.low;
    row.psnr = psnr(shown, truth, data_range).front();
    row.ssim = ssim(shown, truth, data_range).front();
    row.nrmse = nrmse(shown, truth).front();
  }
  if (item.noise.variance.defined()) {
    const at::Tensor residual = item.y - item.op->apply(x.to(item.y.device()));
    row.chi2 = reduced_chi2(residual, item.noise.variance, item.op->measured_components()).front();
  }
}

Selection selection_from(const std::string& text) { return text == "residual" ? Selection::residual : Selection::mean; }

ItemRunner::ItemRunner(NamedSolver solver, PriorPtr prior, ComplexImage complex_image, std::string place,
                       Selection selection)
    : solver_(std::move(solver)),
      prior_(std::move(prior)),
      complex_image_(complex_image),
      place_(std::move(place)),
      selection_(selection) {}

MethodResult ItemRunner::run(const PreparedItem& item, std::int64_t samples, const Controls& controls) const {
  const bool with_prior = solver_.solver->needs_prior();
  const ImageMapping mapping(item.op->domain(), item.range, with_prior ? &prior_->domain() : nullptr, complex_image_,
                             place_);
  PriorPtr prior = with_prior ? prior_ : nullptr;
  const std::int64_t channels = mapping.solver_image().shape[0];
  if (with_prior && prior->domain().channels != channels) prior = std::make_shared<ChannelwisePrior>(prior, channels);
  const std::int64_t runs = solver_.solver->is_sampler() ? samples : 1;
  const Problem problem = make_problem(mapping, item.op, item.y, item.noise, item.id, runs);

  MethodResult result;
  result.report = solver_.solver->solve(problem, prior.get(), controls);
  const at::Tensor images = mapping.to_file(result.report.x);
  result.samples = images.cpu();
  ResultRow row = row_of(result.report, item.id, name(), runs);
  row.status = status_of(result.report.outcomes, result);
  at::Tensor mean = images;
  if (runs > 1) {
    const SampleSummary summary = combine_samples(result.report.x, problem.keys, result.report.outcomes);
    mean = selection_ == Selection::mean ? mapping.to_file(summary.mean)
                                         : images.narrow(0, best_fit(problem, result.report), 1);
    result.std = mapping.std_to_file(summary.std)[0].cpu();
  }
  result.x = mean[0].cpu();
  warn_outside(item.range, result);
  judge(row, mean, item);
  result.trust = assess(mean, result.samples, item);
  note_trust(row, result.trust);
  if (with_prior) {
    if (std::string text = residual_warning(row.chi2, item.op->measured_components()); !text.empty()) {
      result.warnings.push_back(std::move(text));
    }
  }
  result.rows.push_back(row);
  if (runs > 1) {
    ResultRow single = row_of(result.report, item.id, name() + "_sample", 1);
    single.status = to_string(result.report.outcomes.front());
    judge(single, images.narrow(0, 0, 1), item);
    result.rows.push_back(single);
  }
  return result;
}

}  // namespace recon
