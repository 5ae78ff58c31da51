#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "priors/prior.h"
#include "recon/solvers/device_time.h"
#include "recon/solvers/problem.h"

namespace recon {

/// What an algorithm says at the end of a step.
struct Step {
  std::int64_t done = 0;        ///< steps done, this one included
  std::int64_t total = 0;       ///< steps in all
  double relative_sigma = 0;    ///< noise level of the iterate; 0 for classical solvers
  at::Tensor residual_squares;  ///< `[batch]` ||y - A x||² of an image near the estimate, for the progress line
};

/// The world as an algorithm sees it while it runs.
///
/// Network and operator calls that go through here are timed and counted. On a GPU the end of a step waits for it only
/// when somebody watches (observer, trace), and then once. Tensors handed in are kept by reference: algorithms make new
/// tensors instead of changing them in place. All numbers are in the units of the prior.
class SolverContext {
 public:
  SolverContext(const Problem& problem, const Prior* prior, const Controls& controls, Report& report);

  const Problem& problem() const { return problem_; }
  const Operator& op() const { return *problem_.op; }
  /// Throws Error(usage) when there is none, and when its channels or size do not fit the image.
  const Prior& prior() const;
  const at::Tensor& y() const { return problem_.y; }
  std::int64_t batch() const { return problem_.batch(); }
  std::uint64_t seed() const { return controls_.seed; }
  at::TensorOptions image_options() const;  ///< precision of y and its device; complex for complex images
  Report& report() { return report_; }      ///< for what only the algorithm knows (weight)

  /// Standard normal images, one draw per entry, of the stream and step.
  at::Tensor normal(std::string_view stream, std::int64_t step) const;

  at::Tensor denoise(const at::Tensor& x_t, const NoiseLevel& level);
  /// E[x_0 | x_0 + s n] at a noise level s of each entry's own: one pass for the entries that share it.
  at::Tensor denoise_each(const at::Tensor& x, const std::vector<double>& s);
  /// E[x_0 | x_t, y] of a prior that knows the measurement (Prior::require_knows), one pass.
  at::Tensor denoise_given(const at::Tensor& x_t, const NoiseLevel& level, const LinearMeasurement& y);
  Linearized linearize(const at::Tensor& x_t, const NoiseLevel& level);

  at::Tensor residual(const at::Tensor& x);  ///< y - A(x)
  at::Tensor vjp(const at::Tensor& x, const at::Tensor& v);
  /// Any other work on the operator, timed as such: `operate([&] { return linear->solve_shifted(b, shift); })`.
  at::Tensor operate(const std::function<at::Tensor()>& work);

  /// `[batch]` squared norms of y - A x, divided by m noise_std²; NaN where noise_std = 0.
  std::vector<double> chi2(const at::Tensor& residual_squares) const;

  /// Ends a step: takes entries of `iterate` that are not finite out of the race (they are set to zero and reported as
  /// diverged), traces, tells the observer. `estimate` is the image that would be returned now. False means: return
  /// `estimate` at once.
  bool end_step(const Step& step, at::Tensor& iterate, const at::Tensor& estimate);

  /// The algorithm's own stopping rule is met for this entry.
  void mark_converged(std::int64_t entry);

  /// For the base: final checks and figures of the report.
  void finish(const at::Tensor& result);

 private:
  std::vector<double> chi2_of(std::vector<double> squares) const;
  void count_forward();
  void contain(at::Tensor& iterate, const at::Tensor& estimate);
  /// Waits for the device: notes who has diverged, and gives chi² of residual squares if there are any.
  std::vector<double> look(const at::Tensor& squares);

  const Problem& problem_;
  const Prior* prior_;
  const Controls& controls_;
  Report& report_;
  DeviceTime forward_, backward_, operator_;
  at::Tensor sound_;        ///< `[batch]` flags of the entries that have not diverged
  at::Tensor last_finite_;  ///< estimate of the last step, diverged entries frozen
};

}  // namespace recon
