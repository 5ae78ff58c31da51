#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "operators/operator.h"
#include "priors/gaussian_prior.h"
#include "recon/solvers/solver.h"

namespace recon::test {

/// A linear inverse problem with a Gaussian prior, and its exact posterior.
struct ClosedForm {
  std::string name;
  std::shared_ptr<const GaussianPrior> prior;
  LinearOperatorPtr op;
  Problem problem;  ///< items x samples entries, item by item
  at::Tensor mean;  ///< `[items, 1, N, N]` exact posterior means
  double std = 0;   ///< root of the mean posterior variance
  std::int64_t samples = 0;
};

struct ClosedFormOptions {
  std::int64_t size = 32;
  std::int64_t items = 2;
  std::int64_t samples = 16;
  double noise_std = 0.05;
  at::ScalarType dtype = at::kFloat;
};

/// A stationary prior like photographs: power ~ (1 + (k/k0)²)^-5/4 with k0 of one period per 64 pixels, pixel
/// std 0.25.
std::shared_ptr<const GaussianPrior> photograph_like_prior(std::int64_t size);

/// "blur" (gaussian, std 2 px, circular), "inpaint" (70 % missing), "sr" (4 x average), "fourier" (every fourth column
/// and the centre): the four tasks of the closed-form tests, truth drawn from the prior.
LinearOperatorPtr task_operator(const std::string& name, std::int64_t size);
ClosedForm closed_form(const std::string& task, const ClosedFormOptions& options);

/// How samples compare with the exact posterior.
struct Agreement {
  double mean_ratio = 0;  ///< rms error of the sample means / the error that sampling alone causes, std/sqrt(samples)
  double std_ratio = 0;   ///< root mean unbiased sample variance / exact
  double residual = 0;    ///< root of the mean chi² of the samples; exactly 1 on average for the posterior
};
Agreement compare(const ClosedForm& exact, const Report& report);

/// The operator as a real matrix [measured rows, n] in double precision, and real measured rows of data for it.
at::Tensor dense_matrix(const Operator& op);
at::Tensor measured_rows(const Operator& op, const at::Tensor& y);

}  // namespace recon::test
