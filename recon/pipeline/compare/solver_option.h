#pragma once

#include <optional>
#include <string>

#include "recon/core/parameters.h"
#include "recon/solvers/solver.h"

namespace recon {

/// A number among a solver's options.
struct SolverOption {
  std::optional<double> value;  ///< nothing: the solver finds it by itself
  Limits limits;
  bool integer = false;
};

/// Nothing when the solver has no number of that name.
std::optional<SolverOption> find_option(Solver& solver, const std::string& name);
/// Sets what find_option found; without a value the solver finds it by itself again. Throws Error(internal) when there
/// is no such number, or when it cannot be without a value.
void set_option(Solver& solver, const std::string& name, std::optional<double> value);

}  // namespace recon
