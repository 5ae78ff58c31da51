#include "recon/solvers/classical/discrepancy.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "recon/solvers/classical/entry_mask.h"

namespace recon {
namespace {

constexpr double kTolerance = 0.01;        ///< of chi²
constexpr std::int64_t kEvaluations = 40;  ///< 2 * 9 decades at most, then a handful of false positions
const double kDecade = std::log(10.0), kFarthest = 9 * kDecade;
constexpr double kFarDown = 1e-3, kStage = 0.1;  ///< of the continuation

/// The search of one entry for the zero of f(s) = log chi² at s = log weight; f grows with s.
class RootSearch {
 public:
  explicit RootSearch(double start) : s_(start), start_(start) {}

  double position() const { return s_; }
  bool done() const { return done_; }
  bool found() const { return found_; }

  void observe(double f) {
    found_ = std::abs(f) <= kTolerance;
    if (found_ || std::isnan(f)) {
      done_ = true;
      return;
    }
    f = std::clamp(f, -20.0, 20.0);  // a residual of exactly zero has no logarithm
    const bool above = f > 0;
    // Illinois rule: an end that stays for a second time counts half, else false position creeps up from one side.
    if (bracketed() && above == last_above_) (above ? low_f_ : high_f_) /= 2;
    (above ? high_ : low_) = s_;
    (above ? high_f_ : low_f_) = f;
    last_above_ = above;
    s_ = bracketed() ? low_ + (high_ - low_) * low_f_ / (low_f_ - high_f_) : s_ + (above ? -kDecade : kDecade);
    done_ = std::abs(s_ - start_) > kFarthest;
  }

 private:
  bool bracketed() const { return std::isfinite(low_) && std::isfinite(high_); }

  double s_, start_;
  double low_ = -std::numeric_limits<double>::infinity(), high_ = std::numeric_limits<double>::infinity();
  double low_f_ = 0, high_f_ = 0;
  bool last_above_ = false, done_ = false, found_ = false;
};

/// The images on the way down to `weights`, from which their own solve can go on; undefined where there is no way to
/// go. An entry leaves it when the next decade would be below its weight, so that it does not depend on its batch.
at::Tensor continued(const std::vector<double>& weights, const WeightedSolve& weighted) {
  const double lowest = *std::min_element(weights.begin(), weights.end());
  at::Tensor x;
  if (!(lowest < kFarDown * weighted.strong_weight)) return x;
  for (double stage = weighted.strong_weight; stage > lowest; stage *= kStage) {
    std::vector<bool> arrived;
    std::vector<double> now;
    for (const double weight : weights) {
      const bool far = weight < kFarDown * weighted.strong_weight;
      arrived.push_back(far && weight >= stage);
      now.push_back(far ? std::max(weight, stage) : weight);
    }
    const at::Tensor solved = weighted.solve(at::tensor(now, at::kDouble), x);
    x = x.defined() ? at::where(entry_mask(arrived, x), x, solved) : solved;
  }
  std::vector<bool> near;
  for (const double weight : weights) near.push_back(!(weight < kFarDown * weighted.strong_weight));
  return at::where(entry_mask(near, x), at::zeros_like(x), x);  // a near one starts from zero, as it does alone
}

at::Tensor solve_at_given(SolverContext& context, const std::vector<double>& weights, const WeightedSolve& weighted) {
  at::Tensor x = weighted.solve(at::tensor(weights, at::kDouble), continued(weights, weighted));
  context.end_step({.done = 1, .total = 1, .residual_squares = squared_norms(context.residual(x))}, x, x);
  context.report().weight = weights;
  return x;
}

}  // namespace

at::Tensor solve_at_discrepancy(SolverContext& context, const std::optional<double>& weight,
                                const WeightedSolve& weighted) {
  const std::vector<double>& noise_std = context.problem().noise_std;
  if (weight) return solve_at_given(context, std::vector<double>(noise_std.size(), *weight), weighted);

  std::vector<double> weights;
  std::vector<RootSearch> searches;
  for (const double std : noise_std) {
    weights.push_back(std > 0 ? weighted.weight_per_variance * std * std : weighted.noise_free_weight);
    searches.emplace_back(std::log(weights.back()));
  }
  at::Tensor x = continued(weights, weighted);
  bool fresh = true;  // what continued() left are starts, not results
  for (std::int64_t evaluation = 1; evaluation <= kEvaluations; ++evaluation) {
    std::vector<bool> finished;
    for (const RootSearch& search : searches) finished.push_back(search.done());
    const at::Tensor solved = weighted.solve(at::tensor(weights, at::kDouble), x);
    x = fresh ? solved : at::where(entry_mask(finished, x), x, solved);
    fresh = false;
    const at::Tensor residual_squares = squared_norms(context.residual(x));
    const std::vector<double> chi2 = context.chi2(residual_squares);
    bool done = true;
    for (std::size_t i = 0; i < searches.size(); ++i) {
      if (finished[i]) continue;
      searches[i].observe(std::log(chi2[i]));
      if (!searches[i].done()) weights[i] = std::exp(searches[i].position());
      done = done && searches[i].done();
    }
    const std::int64_t total = done ? evaluation : kEvaluations;
    if (!context.end_step({.done = evaluation, .total = total, .residual_squares = residual_squares}, x, x) || done)
      break;
  }
  for (std::size_t i = 0; i < searches.size(); ++i) {
    if (searches[i].found()) context.mark_converged(static_cast<std::int64_t>(i));
  }
  context.report().weight = weights;
  return x;
}

}  // namespace recon
