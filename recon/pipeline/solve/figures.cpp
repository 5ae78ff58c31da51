#include "recon/pipeline/solve/figures.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/metrics/metrics.h"
#include "recon/pipeline/solve/ambiguities.h"
#include "recon/report/text_table.h"

namespace recon {
namespace {

using Best = Figure::Best;

double figure_range(const FigureSource& source) { return source.item.range.high - source.item.range.low; }

double psnr_of(const FigureSource& s) {
  return s.truth.defined() ? psnr(s.image, s.truth, figure_range(s)).front() : NAN;
}
double ssim_of(const FigureSource& s) {
  return s.truth.defined() ? ssim(s.image, s.truth, figure_range(s)).front() : NAN;
}
double nrmse_of(const FigureSource& s) { return s.truth.defined() ? nrmse(s.image, s.truth).front() : NAN; }

double crps_of(const FigureSource& source) {
  const bool known = source.uncertainty != nullptr && source.uncertainty->calibration;
  return known ? source.uncertainty->calibration->crps : NAN;
}

double prior_fraction_of(const FigureSource& source) {
  const bool known = source.uncertainty != nullptr && source.uncertainty->split;
  return known ? source.uncertainty->split->prior_fraction : NAN;
}

/// Network passes of some samples of one item, which see as many each; none in a report without entries.
double passes_of(const std::vector<std::int64_t>& entries, std::int64_t samples) {
  return entries.empty() ? 0 : static_cast<double>(entries.front() * samples);
}

/// Share of the truth inside the samples' interval of a level in per cent.
Figure coverage_figure(int percent) {
  return {.key = fmt::format("coverage_{}", percent),
          .title = fmt::format("{} % covers", percent),
          .unit = "",
          .digits = 2,
          .in_tables = percent == 90,
          .explanation = fmt::format("Share of the pixels whose truth lies in the samples' {} % interval", percent),
          .value = [percent](const FigureSource& source) -> double {
            if (source.uncertainty == nullptr || !source.uncertainty->calibration) return NAN;
            const Calibration& found = *source.uncertainty->calibration;
            for (std::size_t i = 0; i < found.nominal.size(); ++i) {
              if (std::lround(100 * found.nominal[i]) == percent) return found.covered[i];
            }
            return NAN;
          }};
}

/// What a calibration promises.
Figure guarantee_figure(std::string key, std::string title, double Guarantee::*member, std::string explanation) {
  return {.key = std::move(key),
          .title = std::move(title),
          .unit = "",
          .digits = 2,
          .explanation = std::move(explanation),
          .value = [member](const FigureSource& source) -> double {
            const bool known = source.uncertainty != nullptr && source.uncertainty->guarantee;
            return known ? (*source.uncertainty->guarantee).*member : NAN;
          }};
}

/// How the samples predict what was held out.
Figure held_out_figure(std::string key, std::string title, int digits, Best best, double PredictiveScore::*member,
                       std::string explanation) {
  return {.key = "held_out_" + key,
          .title = "held-out " + title,
          .unit = "",
          .digits = digits,
          .best = best,
          .explanation = std::move(explanation),
          .value = [member](const FigureSource& source) -> double {
            const bool known = source.uncertainty != nullptr && source.uncertainty->held_out;
            return known ? (*source.uncertainty->held_out).*member : NAN;
          }};
}

std::vector<Figure> built_in_figures() {
  return {
      {.key = "psnr",
       .title = "PSNR",
       .unit = "dB",
       .digits = 2,
       .best = Best::high,
       .in_captions = true,
       .explanation = "Peak signal-to-noise ratio against the ground truth",
       .value = psnr_of},
      {.key = "ssim",
       .title = "SSIM",
       .unit = "",
       .best = Best::high,
       .in_captions = true,
       .explanation = "Structural similarity to the ground truth, 1 at best",
       .value = ssim_of},
      {.key = "nrmse",
       .title = "NRMSE",
       .unit = "",
       .best = Best::low,
       .explanation = "Norm of the error over the norm of the ground truth",
       .value = nrmse_of},
      {.key = "chi2",
       .title = "chi2",
       .unit = "",
       .in_captions = true,
       .explanation = "‖y − Ax‖² / (m σ²): about 1 when an image explains the data up to their noise",
       .value = [](const FigureSource& source) { return source.chi2; },
       .column = &SolverResults::chi2},
      {.key = "crps",
       .title = "CRPS",
       .unit = "",
       .digits = 4,
       .best = Best::low,
       .explanation = "Continuous ranked probability score of the samples against the truth, in units of the image",
       .value = crps_of},
      {.key = "white",
       .title = "white",
       .unit = "",
       .explanation = "The value of white that image_range found in the data of the item",
       .value = [](const FigureSource& source) { return source.item.range_measured ? source.item.range.high : NAN; }},
      coverage_figure(50),
      coverage_figure(80),
      coverage_figure(90),
      coverage_figure(95),
      held_out_figure("score", "score", 4, Best::high, &PredictiveScore::log_score,
                      "Mean log density of a number that was held out, as the samples predict it, in nats"),
      held_out_figure("crps", "CRPS", 4, Best::low, &PredictiveScore::crps,
                      "CRPS of that prediction, in units of the data"),
      held_out_figure("coverage", "90 %", 2, Best::none, &PredictiveScore::coverage,
                      "Share of the held-out numbers inside of the predicted 90 % interval"),
      held_out_figure("chi2", "chi2", 3, Best::none, &PredictiveScore::chi2,
                      "Mean square of the held-out numbers' errors over the predicted variance"),
      guarantee_figure("interval_factor", "± std ×", &Guarantee::interval_factor,
                       "Image ± this times its standard deviation keeps the calibration's share of missed pixels"),
      guarantee_figure("std_scale", "std ×", &Guarantee::std_scale,
                       "What the calibration's images ask the samples' intervals to be widened by"),
      guarantee_figure("coverage_calibrated", "calibrated covers", &Guarantee::covered,
                       "Share of the pixels whose truth lies in the samples' interval, widened so"),
      guarantee_figure("psnr_bound", "PSNR ≥", &Guarantee::psnr,
                       "The PSNR against the truth is at least this, in dB, as often as the calibration says"),
      guarantee_figure("ssim_bound", "SSIM ≥", &Guarantee::ssim, "Likewise of the SSIM"),
      guarantee_figure("nrmse_bound", "NRMSE ≤", &Guarantee::nrmse, "Likewise of the NRMSE, which is at most this"),
      {.key = "prior_fraction",
       .title = "prior part",
       .unit = "",
       .explanation = "Share of the image's contrast that the data do not determine, 0 to 1",
       .value = prior_fraction_of},
      {.key = "nfe_forward",
       .title = "NFE fwd",
       .unit = "",
       .digits = 0,
       .explanation = "Network passes, forward, of all samples",
       .value = [](const FigureSource& s) { return passes_of(s.report.nfe_forward, s.samples); },
       .count_column = &SolverResults::nfe_forward},
      {.key = "nfe_backward",
       .title = "NFE bwd",
       .unit = "",
       .digits = 0,
       .explanation = "Network passes, backward, of all samples",
       .value = [](const FigureSource& s) { return passes_of(s.report.nfe_backward, s.samples); },
       .count_column = &SolverResults::nfe_backward},
      {.key = "seconds",
       .title = "seconds",
       .unit = "",
       .digits = 2,
       .explanation = "Time of the solve",
       .value = [](const FigureSource& s) { return s.report.seconds; },
       .column = &SolverResults::seconds},
      {.key = "peak_mib",
       .title = "peak",
       .unit = "MiB",
       .digits = 0,
       .explanation = "Peak memory of the process (CPU) or of the allocator (GPU) during the solve",
       .value = [](const FigureSource& s) { return s.report.peak_mib; },
       .column = &SolverResults::peak_mib},
  };
}

std::vector<Figure>& figure_table() {
  static std::vector<Figure> all = built_in_figures();
  return all;
}

/// A magnitude reconstruction is real, its truth may be complex.
void make_comparable(FigureSource& source) {
  const at::Tensor stored = in_window(source.item.ground_truth, *source.item.op);
  if (!stored.defined()) return;
  source.image = in_window(source.x.cpu(), *source.item.op);
  source.truth = stored;
  to_one_field(source.image, source.truth);
  if (source.item.op->magnitude() && source.image.is_complex() == source.truth.is_complex()) {
    source.image = nearest_equivalent(source.image, source.truth.to(source.image.dtype()));
  }
}

}  // namespace

const std::vector<Figure>& figures() { return figure_table(); }

void register_figure(Figure figure) {
  const auto is_part = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  if (figure.key.empty() || !std::all_of(figure.key.begin(), figure.key.end(), is_part)) {
    throw internal_error("register_figure", "expected a key of a-z, 0-9 and _, got '{}'", figure.key);
  }
  for (const auto& there : figure_table()) {
    if (there.key == figure.key) throw internal_error("register_figure", "there is a figure '{}' already", figure.key);
  }
  if (!figure.value) throw internal_error("register_figure", "figure '{}' has no value to compute", figure.key);
  figure_table().push_back(std::move(figure));
}

std::string Figure::dataset() const { return (column == nullptr && count_column == nullptr ? "/metrics/" : "/") + key; }

nlohmann::ordered_json Figure::json(double number) const {
  if (count_column != nullptr && std::isfinite(number)) return std::llround(number);
  return number_or_null(number);
}

std::string Figure::csv(double number) const {
  if (!std::isfinite(number)) return "";
  return count_column != nullptr ? std::to_string(std::llround(number)) : fmt::format("{}", number);
}

std::map<std::string, double> evaluated_figures(const at::Tensor& x, const PreparedItem& item, const Report& report,
                                                std::int64_t samples, const Uncertainty* uncertainty, const Fit& fit) {
  FigureSource source{.x = x,
                      .image = {},
                      .truth = {},
                      .item = item,
                      .report = report,
                      .samples = samples,
                      .uncertainty = uncertainty,
                      .chi2 = fit.chi2};
  make_comparable(source);
  std::map<std::string, double> found;
  for (const auto& figure : figures()) {
    if (const double value = figure.value(source); !std::isnan(value)) found[figure.key] = value;
  }
  return found;
}

void add_figures(nlohmann::ordered_json& object, const ResultRow& row) {
  for (const auto& figure : figures()) object[figure.key] = figure.json(row.figure(figure.key));
}

std::vector<Figure> known_figures(const std::vector<ResultRow>& rows) {
  std::vector<Figure> known;
  for (const auto& figure : figures()) {
    const auto knows = [&](const ResultRow& row) { return std::isfinite(row.figure(figure.key)); };
    if (std::any_of(rows.begin(), rows.end(), knows)) known.push_back(figure);
  }
  return known;
}

KnownMean mean_of_known(const std::vector<double>& values) {
  KnownMean known;
  double sum = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    sum += value;
    ++known.count;
  }
  if (known.count > 0) known.mean = sum / static_cast<double>(known.count);
  return known;
}

double stored_figure(const Figure& figure, const SolverResults& results, std::size_t item) {
  if (figure.count_column != nullptr) {
    const auto& counts = results.*figure.count_column;
    return item < counts.size() ? static_cast<double>(counts[item]) : NAN;
  }
  if (figure.column != nullptr) {
    const auto& values = results.*figure.column;
    return item < values.size() ? values[item] : NAN;
  }
  const auto found = results.metrics.find(figure.key);
  return found != results.metrics.end() && item < found->second.size() ? found->second[item] : NAN;
}

void store_figure(const Figure& figure, const std::vector<double>& values, SolverResults& results) {
  if (figure.count_column != nullptr) {
    auto& counts = results.*figure.count_column;
    counts.clear();
    for (const double value : values) counts.push_back(std::isfinite(value) ? std::llround(value) : 0);
    return;
  }
  if (figure.column != nullptr) {
    results.*figure.column = values;
    return;
  }
  const bool known = std::any_of(values.begin(), values.end(), [](double value) { return !std::isnan(value); });
  if (known) results.metrics[figure.key] = values;
}

}  // namespace recon
