#pragma once

#include <optional>
#include <string>

#include "recon/solvers/solver.h"

namespace recon {

/// The Wiener filter (Wiener 1949; for images Andrews & Hunt 1977), the linear estimate of least mean squared error for
/// a signal of known power spectrum, in the operator's spectral form A^H A = V diag(l) V^H:
///
///     x = V diag(1 / (l + weight / P)) V^H A^H y,   weight = noise_std² / (power of the signal where P = 1)
///
/// `spectrum: inverse_square` is P = 1/d with d = 4 sin²(pi k/H) + 4 sin²(pi l/W), the power 1/f² of photographs (Field
/// 1987); the mean is left free. It needs V to be the Fourier basis (circular blur, Fourier samples, denoising).
/// `spectrum: flat` is P = 1, for any spectral form. Without a `weight` it is found by the discrepancy principle, chi²
/// = 1.
///
/// Closed form: no iterations per weight. Throws Error(usage) naming alternatives for operators without such a form.
class Wiener final : public Solver {
 public:
  enum class Spectrum { inverse_square, flat };
  friend constexpr auto words_of(Spectrum) {
    using enum Spectrum;
    return std::to_array<Word<Spectrum>>({{inverse_square, "inverse_square"}, {flat, "flat"}});
  }

  std::optional<double> weight;
  Spectrum spectrum = Spectrum::inverse_square;

  void visit(ParameterVisitor& options) override;

 private:
  at::Tensor run(SolverContext& context) const override;
};

}  // namespace recon
