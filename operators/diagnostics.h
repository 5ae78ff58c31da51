#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "operators/operator.h"

namespace recon {

/// One law an operator must obey, measured on random arrays.
struct LawFinding {
  std::string law;     ///< "adjoint", "linearity", ... as listed at check_operator
  double error = 0;    ///< relative
  double bound = 0;    ///< what rounding explains, 8 eps sqrt(n) with n the larger number of real components;
                       ///< derivative of a nonlinear operator: eps^(1/4), for finite differences truncate
  std::string detail;  ///< what a failure points to; empty when the law holds

  bool holds() const { return error <= bound; }  ///< false for NaN
};

struct OperatorReport {
  std::string name;
  TensorSpec domain, range;
  std::int64_t measured_components = 0;
  bool linear = false;
  bool has_spectral_form = false;
  double largest_singular_value = 0;  ///< linear operators: power iteration, a lower estimate
  double frobenius_squared = 0;       ///< linear operators: ||A||_F², by random probes
  double adjoint_scale = 1;           ///< least-squares c of <x, A^H y> = c <A x, y>: a wrong c is a lost factor
  std::vector<LawFinding> findings;

  bool all_hold() const;
};

struct CheckOptions {
  at::TensorOptions options = at::kDouble;  ///< real dtype and device to check in
  std::uint64_t seed = 0;
  std::int64_t probes = 4;
};

/// Measures on random arrays whether an operator keeps its laws:
///   arguments   apply and vjp leave their arguments alone and return memory of their own
///   support     A x = 0 where support() says that nothing is measured
///   batch       A of a batch = A of its items
///   derivative  <v, (A(x + h d) - A(x - h d)) / 2h> = <vjp(x, v), d>
///   precision   single precision = double precision up to rounding (checked in single precision only)
/// and for linear operators
///   linearity   A(a x + b z) = a A x + b A z
///   adjoint     <A x, y> = <x, A^H y>
///   normal      normal(x) = A^H A x, up to what the operator states (approximate_normal.h)
///   isometry    <analyze(u), analyze(v)> = <u, v>          (with a spectral form)
///   synthesis   synthesize(analyze(x)) = x
///   spectrum    synthesize(eigenvalues * analyze(x)) = A^H A x
/// Never throws for a broken law; an operator that throws lets its Error pass.
OperatorReport check_operator(const Operator& op, const CheckOptions& options = {});

/// ||A||_F² of the real-linear map A, E ||A z||² for z ~ N(0, 1) per real component, over `probes` draws: float64
/// `[batch]` (the batch matters for operators with weights per item only). Relative standard error about
/// sqrt(2 / (probes · rank)).
at::Tensor frobenius_squared(const LinearOperator& op, std::int64_t batch, std::int64_t probes,
                             const at::TensorOptions& options, std::uint64_t seed = 0);

/// Largest singular value by power iteration on A^H A: float64 `[batch]`; approaches it from below.
at::Tensor largest_singular_value(const LinearOperator& op, std::int64_t batch, std::int64_t iterations,
                                  const at::TensorOptions& options, std::uint64_t seed = 0);

}  // namespace recon
