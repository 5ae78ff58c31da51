#include "recon/pipeline/solve/misfit.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "operators/noise.h"
#include "recon/core/tensor_spec.h"
#include "recon/metrics/metrics.h"

namespace recon {
namespace {

constexpr double doubtful_chi2 = 1.5, contradicted_chi2 = 4, errors_allowed = 5;
constexpr double rounding_energy = 1e-10;

at::Tensor squares_of(const at::Tensor& residual) {
  if (!residual.is_complex()) return residual.square();
  const at::Tensor re = at::real(residual), im = at::imag(residual);  // abs() would take roots to square them
  return re.square().addcmul_(im, im).div_(2);
}

double sum_of(const at::Tensor& values) { return values.sum(at::kDouble).item<double>(); }

/// Of counts, by the variance of the expected ones. Entries darker than believable have a variance below the one they
/// are divided by: they count for what they can say.
void fit_counts(Fit& fit, const at::Tensor& squares, const at::Tensor& predicted, const PreparedItem& item) {
  const ItemNoise& noise = item.noise;
  const Noise& photons = noise.photons;
  at::Tensor there = at::ones_like(predicted);
  if (item.op->support().defined()) there = there * item.op->support().to(there.options());
  const at::Tensor mean = noise.background.defined() ? predicted + noise.background : predicted;
  const at::Tensor variance = noise.variance_at(predicted), truth = noise_variance(photons, mean, 0) * there;
  const double measured = std::max(1.0, sum_of(there));
  // An image of nothing expects nothing: a thousandth of the entries is always taken at its word.
  const double expected = std::max(sum_of(truth / variance), 1e-3 * measured);
  fit.chi2 = sum_of(squares / variance) / expected;
  // Var (k - l)² = 2 l² + l for a Poisson count of mean l; in units of intensity, l = peak times the variance.
  const at::Tensor fourth = 2 * truth.square() + truth / (photons.peak * photons.peak);
  fit.chi2_error = std::sqrt(sum_of(fourth / variance.square())) / expected;
  fit.chi2_map = (squares / variance * (measured / expected))[0].cpu();
}

}  // namespace

Fit fit_of(const at::Tensor& x, const PreparedItem& item) {
  const at::Tensor predicted = item.op->apply(x.to(item.y.device())), residual = item.y - predicted;
  Fit fit;
  const double energy = squared_norms(item.y).item<double>();
  if (energy > 0) fit.unexplained = squared_norms(residual).item<double>() / energy;
  if (!item.noise.variance.defined()) return fit;
  const at::Tensor squares = squares_of(residual);
  if (item.noise.photons.counts_photons()) {
    fit_counts(fit, squares, predicted, item);
    return fit;
  }
  const std::int64_t components = item.op->measured_components();
  fit.chi2 = reduced_chi2(residual, item.noise.variance, components).front();
  fit.chi2_error = std::sqrt(2 / static_cast<double>(std::max<std::int64_t>(components, 1)));
  fit.chi2_map = (squares / item.noise.variance)[0].cpu();
  return fit;
}

std::string residual_warning(const Fit& fit) {
  if (!(fit.unexplained > rounding_energy)) return "";
  if (std::isnan(fit.chi2)) {
    if (!(fit.unexplained > 0.01)) return "";
    return fmt::format(
        "{:.2g} of the energy of data that are said to be free of noise is not explained: the operator is wrong, or "
        "the "
        "solver did not fit the data",
        fit.unexplained);
  }
  const double limit = doubtful_chi2 + errors_allowed * fit.chi2_error;
  if (!(fit.chi2 > limit)) return "";
  return fmt::format(
      "chi² {:.3g} is more than noise can explain (limit {:.3g}): the noise level (truly about {:.2g} times as high?) "
      "or "
      "the operator is wrong, or the solver did not fit the data",
      fit.chi2, limit, std::sqrt(fit.chi2));
}

bool is_misfit(const Fit& fit, bool fits_data) {
  if (!(fit.unexplained > rounding_energy) || (!fits_data && !(fit.unexplained > 0.5))) return false;
  if (std::isnan(fit.chi2)) return fit.unexplained > 0.04;
  return fit.chi2 > contradicted_chi2 + errors_allowed * fit.chi2_error;
}

std::string holes_warning(const at::Tensor& x, const PreparedItem& item) {
  const at::Tensor support = item.op->support();
  if (!support.defined() || x.is_complex() || item.op->range() != item.op->domain()) return "";
  const at::Tensor image = x[0].cpu().to(at::kDouble);
  const at::Tensor measured = support.expand(image.sizes()) > 0;
  const at::Tensor inside = image.masked_select(measured), outside = image.masked_select(measured.logical_not());
  if (inside.numel() == 0 || outside.numel() == 0) return "";
  const double step = 1e-3 * (item.range.high - item.range.low);
  const double black = (outside - item.range.low).abs().le(step).to(at::kDouble).mean().item<double>();
  const double measured_black = (inside - item.range.low).abs().le(step).to(at::kDouble).mean().item<double>();
  if (black < 0.99 || measured_black > 0.5) return "";
  return fmt::format(
      "the {} pixels that were not measured are black: this solver does not fill them; use tikhonov_cg (penalty: "
      "gradient), tv_pdhg or a solver with a prior",
      outside.numel());
}

}  // namespace recon
