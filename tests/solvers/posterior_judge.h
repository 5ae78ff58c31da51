#pragma once

#include <ATen/ATen.h>

#include <cstdio>
#include <string>

#include "priors/gaussian_mixture_prior.h"
#include "tests/solvers/closed_form.h"
#include "tests/solvers/matrix_operator.h"

namespace recon::test {

inline const std::vector<std::string>& closed_form_tasks() {
  static const std::vector<std::string> tasks = {"blur", "inpaint", "sr", "fourier"};
  return tasks;
}

/// Solves and prints how the samples compare with the exact posterior. Of 2 items x 16 samples at 32 pixels the mean
/// ratio has a standard error of 0.065 (closed_form_test.cpp) and the std ratio one of 0.017: the posterior has some 60
/// effectively independent pixels per item, so 2 · 15 · 60 = 1800 degrees of freedom, 1/sqrt(2 · 1800).
inline Agreement judged(const ClosedForm& exact, const Solver& solver, const std::string& label) {
  const Report report = solver.solve(exact.problem, exact.prior.get(), {});
  const Agreement a = compare(exact, report);
  std::printf("%-8s %-24s mean error %.3f x sampling error, std %.3f x exact, residual %.2f sigma, NFE %d, %.1f s\n",
              exact.name.c_str(), label.c_str(), a.mean_ratio, a.std_ratio, a.residual,
              static_cast<int>(report.nfe_forward.front()), report.seconds);
  return a;
}
inline constexpr double kMeanRatioError = 0.065, kStdRatioError = 0.017;

/// Two clouds of 4 x 4 images at +-half, std 0.1, far apart in their ten standard deviations and more, and two noisy
/// looks at one pixel that lean to the lower cloud.
struct TwoModes {
  std::shared_ptr<const GaussianMixturePrior> prior;
  Problem problem;
  double half = 0;
  double upper_weight = 0;  ///< exact posterior weight of the upper cloud
};

inline TwoModes two_modes(std::int64_t samples, double half = 0.25) {
  const Shape image{1, 4, 4};
  const at::Tensor shift = at::full(image, half, at::kDouble);
  TwoModes result;
  result.half = half;
  result.prior = std::make_shared<GaussianMixturePrior>(
      std::vector<MixtureComponent>{{.weight = 0.5, .mean = shift, .covariance = Covariance::isotropic(image, 0.01)},
                                    {.weight = 0.5, .mean = -shift, .covariance = Covariance::isotropic(image, 0.01)}});
  at::Tensor matrix = at::zeros({2, 16}, at::kDouble);
  matrix.narrow(1, 0, 1).fill_(1);
  const at::Tensor y = at::full({1, 2}, -0.28 / half, at::kDouble);
  const double noise_std = 1.0;
  result.upper_weight = result.prior->posterior(matrix, y, noise_std).weights[0][0].item<double>();
  result.problem = {.op = std::make_shared<MatrixOperator>(matrix, image),
                    .y = y.expand({samples, 2}).contiguous(),
                    .noise_std = std::vector<double>(static_cast<std::size_t>(samples), noise_std),
                    .keys = {},
                    .image = {image, ScalarKind::real}};
  for (std::uint32_t s = 0; s < samples; ++s) result.problem.keys.push_back({1, s});
  return result;
}

/// How a solver's samples share the two clouds.
struct ModeShares {
  double upper = 0;           ///< share of samples in the upper cloud
  double standard_error = 0;  ///< of that share for exact samples
  double spread = 0;          ///< rms distance of pixels from +-half, exactly 0.1 but for the looked-at one
};

inline ModeShares mode_shares(const TwoModes& exact, const Solver& solver, const std::string& label) {
  const at::Tensor x = solver.solve(exact.problem, exact.prior.get(), {}).x;
  ModeShares shares;
  const double p = exact.upper_weight;
  shares.upper = (x.mean({1, 2, 3}) > 0).to(at::kDouble).mean().item<double>();
  shares.standard_error = std::sqrt(p * (1 - p) / static_cast<double>(x.size(0)));
  shares.spread = (x.abs() - exact.half).square().mean().sqrt().item<double>();
  std::printf("%s: upper mode %.3f, exact %.3f +- %.3f, spread %.3f\n", label.c_str(), shares.upper, p,
              shares.standard_error, shares.spread);
  return shares;
}

}  // namespace recon::test
