#pragma once

#include <string>

#include "recon/solvers/registry.h"
#include "tests/solvers/closed_form.h"

namespace recon::test {

/// What a solver's claim leaves open on problems whose posterior is known exactly; empty when it holds.
///
/// samples   16 draws per item: their mean and their spread are those of the Gaussian posterior, and a draw explains
///           the data. The mean may be 0.4 posterior standard deviations off (exact samples: 0.25), the spread a fifth
///           too small, as that of few steps is; a sampler with a known bias is named and granted more.
/// mean      one image is nearer to the exact mean than a draw of the posterior is.
/// point     chi² is that of noise, and the image is nearer to the exact mean (which for a Gaussian is the mode) than
///           the adjoint is.
/// none      nothing but a finite image.
std::string objection(const SolverKind& kind);

}  // namespace recon::test
