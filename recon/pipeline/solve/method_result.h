#pragma once

#include <ATen/core/Tensor.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "recon/pipeline/solve/uncertainty.h"
#include "recon/solvers/solver.h"

namespace recon {

/// One line of the report: what one method made of one item. NaN stands for "not known".
struct ResultRow {
  std::string id, solver;
  double psnr = NAN, ssim = NAN, nrmse = NAN;      ///< against the ground truth, where there is one
  double chi2 = NAN;                               ///< where the noise level is known: recon/pipeline/solve/misfit.h
  double crps = NAN, coverage_90 = NAN;            ///< of several samples, where there is ground truth
  double prior_fraction = NAN;                     ///< of linear operators: recon/pipeline/solve/uncertainty.h
  std::int64_t nfe_forward = 0, nfe_backward = 0;  ///< network passes that this result took
  double seconds = 0, peak_mib = 0;
  std::string status;  ///< an Outcome, "misfit" in its place where the data contradict the image, or "failed"
  std::string error;   ///< why an item failed; empty otherwise
};

/// What a method made of an item, in the units of the file and on the CPU.
struct MethodResult {
  at::Tensor x;        ///< [C, H, W]: the mean of the samples, or the selected one
  at::Tensor std;      ///< [C, H, W]; undefined with one sample
  at::Tensor samples;  ///< [S, C, H, W]
  Uncertainty uncertainty;
  Report report;
  std::vector<ResultRow> rows;        ///< of x and, with several samples, of the first one
  std::vector<std::string> warnings;  ///< for the user
};

}  // namespace recon
