#include "recon/pipeline/solve/item_runner.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "operators/mri/seen_pixels.h"
#include "priors/channelwise_prior.h"
#include "priors/equivariant_prior.h"
#include "priors/network_prior.h"
#include "priors/slices_prior.h"
#include "priors/tiled_prior.h"
#include "recon/core/error.h"
#include "recon/core/log_once.h"
#include "recon/pipeline/solve/figures.h"
#include "recon/pipeline/solve/likely_cause.h"
#include "recon/pipeline/solve/misfit.h"
#include "recon/pipeline/solve/samples.h"
#include "recon/solvers/classical/richardson_lucy.h"
#include "recon/solvers/micro_batches.h"

namespace recon {
namespace {

constexpr int most_reweighings = 3;
constexpr const char* diverged_text = "the iterate became NaN or infinite; the image is the last finite one";

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

/// The entry that fits its measurement best, diverged ones last.
std::int64_t best_fit(const Problem& problem, const Report& report) {
  std::vector<double> misfit;  // one by one: data of many samples may be more than fits into memory
  for (std::int64_t i = 0; i < problem.batch(); ++i) {
    const at::Tensor residual = problem.y.narrow(0, i, 1) - problem.op->apply(report.x.narrow(0, i, 1));
    misfit.push_back(squared_norms(residual).item<double>());
  }
  std::int64_t best = 0;
  const auto worse = [&](std::int64_t i, std::int64_t than) {
    const auto diverged = [&](std::int64_t k) {
      return report.outcomes[static_cast<std::size_t>(k)] == Outcome::diverged;
    };
    if (diverged(i) != diverged(than)) return diverged(i);
    return misfit[static_cast<std::size_t>(i)] >= misfit[static_cast<std::size_t>(than)];
  };
  for (std::int64_t i = 1; i < problem.batch(); ++i) {
    if (!worse(i, best)) best = i;
  }
  return best;
}

/// Problems of one operator as one: their batches one after the other.
Problem joined(const std::vector<Problem>& problems) {
  if (problems.size() == 1) return problems.front();
  Problem all = problems.front();
  std::vector<at::Tensor> y = {all.y};
  for (std::size_t i = 1; i < problems.size(); ++i) {
    y.push_back(problems[i].y);
    all.noise_std.insert(all.noise_std.end(), problems[i].noise_std.begin(), problems[i].noise_std.end());
    all.keys.insert(all.keys.end(), problems[i].keys.begin(), problems[i].keys.end());
  }
  all.y = at::cat(y);
  return all;
}

/// What a joint report says of one of `count` items that have equal parts of its batch.
Report share_of(const Report& report, std::size_t item, std::size_t count) {
  Report share = report;
  const std::size_t runs = report.outcomes.size() / count;
  const auto cut = [&](auto& entries) {
    if (entries.size() != count * runs) return;
    const auto begin = entries.begin() + static_cast<std::ptrdiff_t>(item * runs);
    entries = std::decay_t<decltype(entries)>(begin, begin + static_cast<std::ptrdiff_t>(runs));
  };
  const auto part = [&](const at::Tensor& all) {
    return all.narrow(0, static_cast<std::int64_t>(item * runs), static_cast<std::int64_t>(runs));
  };
  share.x = part(report.x);
  if (report.anomaly.defined()) share.anomaly = part(report.anomaly);
  cut(share.outcomes);
  cut(share.chi2);
  cut(share.weight);
  cut(share.nfe_forward);
  cut(share.nfe_backward);
  for (auto& entry : share.trace) cut(entry.chi2);
  for (const auto seconds : kReportTimes) share.*seconds /= static_cast<double>(count);
  return share;
}

/// Zero where no coil sees anything: data say nothing there, and a prior would paint what it likes.
at::Tensor on_seen_pixels(const at::Tensor& images, const Operator& op) {
  const at::Tensor seen = seen_pixels(op);
  return seen.defined() ? images * seen.to(images.device(), real_dtype(images)) : images;
}

/// Says how the image and the data disagree, and makes it the status where they do so by far.
void judge_fit(ResultRow& row, MethodResult& result, const Fit& fit, const PreparedItem& item, bool fits_data) {
  const bool whole = row.status == to_string(Outcome::finished) || row.status == to_string(Outcome::converged);
  if (std::string text = residual_warning(fit); !text.empty()) {
    const bool far_off = is_misfit(fit, fits_data);
    if (far_off && whole) row.status = misfit_status;
    if (far_off) text += likely_cause(item, fit);
    result.warnings.push_back(std::move(text));
  }
  if (std::string text = holes_warning(result.x.unsqueeze(0), item); whole && !text.empty()) {
    result.warnings.push_back(std::move(text));
  }
}

/// Takes away the margin that the operator needs beside what a measurement shows.
void cut_to_window(MethodResult& result, const Operator& op) {
  at::Tensor* const images[] = {&result.x, &result.samples, &result.std, &result.anomaly,
                                &result.uncertainty.quantiles};
  for (at::Tensor* const image : images) {
    if (image->defined()) *image = in_window(*image, op).contiguous();
  }
  if (auto& split = result.uncertainty.split) split->prior_part = in_window(split->prior_part, op).contiguous();
}

/// Few counts weigh what an image that fits them expects (Richardson-Lucy, some tens of steps): what single counts or
/// their neighbours expect takes darkness for light, and an image of nothing for an explanation. The data A(x) of that
/// image, undefined where there is none: counts that speak for themselves.
at::Tensor expected_of_dim(const PreparedItem& item) {
  if (!item.noise.dim) return {};
  RichardsonLucy quick;
  quick.max_iterations = 30;
  const Problem problem{.op = item.op,
                        .y = item.y,
                        .noise_std = {item.noise.std},
                        .keys = {{stable_hash(item.id), 0}},
                        .image = item.op->domain(),
                        .photon = 1 / item.noise.photons.peak,
                        .background = item.noise.background};
  try {
    return item.op->apply(quick.solve(problem, nullptr, {}).x).clamp_min(0);
  } catch (const Error& error) {
    log::debug("item {}: weights from the counts alone: {}", item.id, error.what());
    return {};
  }
}

ItemNoise noise_at(const PreparedItem& item, const at::Tensor& expected) {
  return expected.defined() ? item.noise.at_prediction(expected, item.op->support()) : item.noise;
}

/// The work of both; the rest is the later one's.
Report after(const Report& earlier, Report later) {
  for (const auto seconds : kReportTimes) later.*seconds += earlier.*seconds;
  for (const auto passes : {&Report::nfe_forward, &Report::nfe_backward}) {
    for (std::size_t i = 0; i < (later.*passes).size(); ++i) (later.*passes)[i] += (earlier.*passes)[i];
  }
  return later;
}

/// The prior as solvers see it. Networks of one size see larger images in tiles; priors of one size that are no networks
/// are about that size alone.
PriorPtr fitted(const PriorPtr& prior, const TensorSpec& image) {
  const auto& size = prior->domain().fixed_size;
  const std::int64_t height = image.shape[image.shape.size() - 2], width = image.shape.back();
  const bool larger = !size.empty() && (height > size[0] || width > size[1]);
  const PriorPtr seen = prior->symmetry() == ImageSymmetry::none ? prior : std::make_shared<EquivariantPrior>(prior);
  if (!larger || dynamic_cast<const NetworkPrior*>(prior.get()) == nullptr) return seen;
  log::info_once(fmt::format("prior '{}' knows images of {} x {} pixels: it sees these of {} x {} in overlapping tiles",
                             prior->name(), size[0], size[1], height, width));
  return std::make_shared<TiledPrior>(seen, height, width);
}

/// A prior for images has learned nothing from strips of some pixels.
void require_slices_to_see(const TensorSpec& volume, const std::vector<SliceOrientation>& orientations) {
  constexpr std::int64_t fewest = 16;
  if (volume.shape[1] >= fewest || orientations == std::vector{SliceOrientation::axial}) return;
  throw usage_error("prior_slices",
                    "a volume of {} slices has coronal and sagittal slices of {} rows, of {} or more a prior can say "
                    "something; use axial",
                    volume.shape[1], volume.shape[1], fewest);
}

bool converged(const Report& report) {
  return std::all_of(report.outcomes.begin(), report.outcomes.end(),
                     [](Outcome outcome) { return outcome == Outcome::converged; });
}

bool stopped(const Report& report) {
  return std::any_of(report.outcomes.begin(), report.outcomes.end(),
                     [](Outcome outcome) { return outcome == Outcome::stopped_early || outcome == Outcome::diverged; });
}

}  // namespace

ItemRunner::ItemRunner(NamedSolver solver, PriorPtr prior, ComplexImage complex_image, std::string place,
                       Evaluation evaluation)
    : solver_(std::move(solver)),
      prior_(std::move(prior)),
      complex_image_(complex_image),
      place_(std::move(place)),
      evaluation_(evaluation) {}

MethodResult ItemRunner::run(const PreparedItem& item, std::int64_t samples, const Controls& controls) const {
  return run_joined({item}, samples, controls).front();
}

bool ItemRunner::joinable(const PreparedItem& a, const PreparedItem& b) {
  return a.op == b.op && a.range == b.range && !a.noise.weights.defined() && !b.noise.weights.defined();
}

std::vector<MethodResult> ItemRunner::run_joined(const std::vector<PreparedItem>& items, std::int64_t samples,
                                                 const Controls& controls,
                                                 const std::optional<PreviousItem>& previous) const {
  if (evaluation_.calibration != nullptr) {
    for (const auto& item : items) evaluation_.calibration->require_level(item);  // before hours of computing
  }
  const PreparedItem& first = items.front();
  const bool with_prior = solver_.traits.needs_prior;
  const bool with_slices = with_prior && first.op->domain().shape.size() == 4;
  PriorPtr prior = with_prior ? fitted(prior_, first.op->domain()) : nullptr;
  ImageDomain domain = with_prior ? prior->domain() : ImageDomain{};
  if (with_slices) {
    require_slices_to_see(first.op->domain(), evaluation_.prior_slices);
    domain = SlicesPrior::domain_of(domain, evaluation_.prior_slices);
  }
  const ImageMapping mapping(first.op->domain(), first.range, with_prior ? &domain : nullptr, complex_image_, place_);
  const std::int64_t channels = mapping.solver_image().shape[0];
  if (with_prior && prior->domain().channels != channels) prior = std::make_shared<ChannelwisePrior>(prior, channels);
  if (with_slices) prior = std::make_shared<SlicesPrior>(prior, evaluation_.prior_slices);
  const std::int64_t runs = solver_.traits.samples ? samples : 1;
  std::optional<at::Tensor> start;
  if (previous) start = previous->x;
  if (start && start->defined() && previous->range != first.range) {
    const ImageMapping before(first.op->domain(), previous->range, with_prior ? &domain : nullptr, complex_image_,
                              place_);
    start = (*start * before.scale() + (before.offset() - mapping.offset())) / mapping.scale();
  }
  const auto problem_of = [&](const PreparedItem& item, const ItemNoise& noise) {
    Problem problem =
        make_problem(mapping, item.op, item.y, noise, sample_keys(stable_hash(item.id), runs, evaluation_.antithetic));
    problem.previous = start;
    return problem;
  };
  at::Tensor expected = expected_of_dim(first);  // dim items come one by one: each has weights of its own
  std::vector<Problem> problems;
  for (const auto& item : items) problems.push_back(problem_of(item, noise_at(item, expected)));
  Report report = solver_.solver->solve(joined(problems), prior.get(), controls);
  for (int round = 0; round < most_reweighings && expected.defined() && !stopped(report); ++round) {
    const at::Tensor x = mapping.to_file(report.x.mean(0, true));
    if (!is_misfit(fit_of(x, first), true)) break;
    // Weights of a brighter image let the solver leave light away: half of the way to what its own image expects.
    expected = (expected * first.op->apply(x).clamp_min(0)).sqrt();
    Problem reweighed = problem_of(first, noise_at(first, expected));
    const Report again = after(report, solver_.solver->solve(reweighed, prior.get(), controls));
    if (!solver_.traits.samples && !converged(again)) break;  // it fits noise by now
    problems.front() = std::move(reweighed);
    report = again;
  }
  if (items.size() == 1) problems.front() = entries_of(problems.front(), 0, report.x.size(0));  // when cancelled
  std::vector<MethodResult> results;
  for (std::size_t i = 0; i < items.size(); ++i) {
    results.push_back(evaluated(items[i], mapping, problems[i], share_of(report, i, items.size())));
  }
  return results;
}

MethodResult ItemRunner::evaluated(const PreparedItem& item, const ImageMapping& mapping, const Problem& problem,
                                   Report report) const {
  MethodResult result;
  result.report = std::move(report);
  const std::int64_t runs = problem.batch();
  const at::Tensor images = on_seen_pixels(mapping.to_file(result.report.x), *item.op);
  result.samples = images.cpu();
  result.pairs = pairs_of(problem.keys);
  ResultRow row{.id = item.id, .solver = name()};
  row.status = status_of(result.report.outcomes, result);
  at::Tensor mean = images;
  if (runs > 1) {
    const SampleSummary summary = combine_samples(result.report.x, problem.keys, result.report.outcomes);
    mean = evaluation_.selection == Selection::mean ? on_seen_pixels(mapping.to_file(summary.mean), *item.op)
                                                    : images.narrow(0, best_fit(problem, result.report), 1);
    result.std = on_seen_pixels(mapping.std_to_file(summary.std), *item.op)[0].cpu();
  }
  if (const at::Tensor& cost = result.report.anomaly; cost.defined()) {
    const at::Tensor all = combine_samples(cost, problem.keys, result.report.outcomes).mean;
    result.anomaly = on_seen_pixels(mapping.energy_to_file(all), *item.op)[0].cpu();
  }
  result.x = mean[0].cpu();
  warn_outside(item.range, result);
  const Fit fit = fit_of(mean, item);
  if (evaluation_.maps) {
    result.uncertainty = assess_uncertainty(mean, fit, result.samples, result.pairs, item);
  } else {
    result.uncertainty.calibration = calibration_of(result.samples, result.pairs, item);
  }
  result.uncertainty.held_out = held_out_score(images, result.pairs, item);
  if (evaluation_.calibration != nullptr) {
    result.uncertainty.guarantee =
        evaluation_.calibration->guarantee(in_window(result.x, *item.op), in_window(result.std, *item.op),
                                           in_window(result.samples, *item.op), result.pairs, item);
  }
  row.figures = evaluated_figures(mean, item, result.report, runs, &result.uncertainty, fit);
  if (row.status == to_string(Outcome::diverged)) row.error = diverged_text;
  judge_fit(row, result, fit, item, solver_.traits.claim != Claim::none);
  result.rows.push_back(row);
  if (runs > 1) {
    ResultRow single{.id = item.id, .solver = name() + "_sample"};
    single.status = to_string(result.report.outcomes.front());
    const at::Tensor sample = images.narrow(0, 0, 1);
    single.figures = evaluated_figures(sample, item, result.report, 1, nullptr, fit_of(sample, item));
    if (single.status == to_string(Outcome::diverged)) single.error = diverged_text;
    result.rows.push_back(single);
  }
  cut_to_window(result, *item.op);
  return result;
}

}  // namespace recon
