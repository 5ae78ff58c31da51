#pragma once

#include <memory>
#include <string>
#include <vector>

#include "operators/combinations/slices.h"
#include "operators/unsuitable_operator.h"
#include "priors/empirical_prior.h"
#include "priors/gaussian_prior.h"
#include "recon/solvers/registry.h"
#include "tests/device/device_support.h"
#include "tests/solvers/classical_problems.h"
#include "tests/support/build_operator.h"

// Small problems for solvers, on the CPU and on the device.
namespace recon::test {

inline constexpr std::int64_t kSide = 16;

/// A stationary Gaussian of images like photographs, in [-1, 1].
inline std::shared_ptr<const GaussianPrior> image_prior() {
  const at::Tensor k = at::fft_fftfreq(kSide, 1.0 / kSide, at::kDouble).square();
  const at::Tensor power = (1 + 16 * (k.view({-1, 1}) + k)).pow(-1.25);
  return std::make_shared<GaussianPrior>(at::zeros({1, kSide, kSide}, at::kDouble),
                                         Covariance::stationary((0.0625 * power / power.mean()).unsqueeze(0)));
}

/// One problem of each kind that solvers tell apart, two entries each.
inline std::vector<Problem> problems_of_each_kind() {
  const at::Tensor truth = at::cat({phantom(kSide), 0.5 * phantom(kSide)});
  Problem blur = problem_of(task("blur", kSide), truth, {0.05, 0.1});
  blur.y = blur.y - blur.y.min();  // richardson_lucy takes photon counts
  std::vector<Problem> problems = {blur, problem_of(task("inpainting", kSide), truth, {0.05, 0.1}),
                                   problem_of(task("fourier", kSide), truth, {0.05, 0.1})};
  for (const char* op : {R"({"type": "fourier_magnitude"})", R"({"type": "radon", "angles": 8})"}) {
    problems.push_back(blur);
    problems.back().op = build_operator(op, blur.image);
    problems.back().y = problems.back().op->apply((truth + 1) / 2);
  }
  return problems;
}

/// Two volumes of two blurred slices each, for solvers that have no use for images.
inline Problem problem_of_volumes() {
  Problem volumes = problems_of_each_kind().front();
  volumes.op = make_slices({volumes.op}, 2);
  volumes.image = volumes.op->domain();
  volumes.y = at::stack({volumes.y, 0.7 * volumes.y});
  return volumes;
}

inline Problem there(Problem problem) {
  problem.y = there(problem.y);
  return problem;
}

}  // namespace recon::test
