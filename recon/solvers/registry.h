#pragma once

#include <functional>
#include <memory>
#include <string>

#include "recon/core/registry.h"
#include "recon/solvers/solver.h"

namespace recon {

/// What a solver says that its result is. The tests of all solvers hold it to that, where the exact posterior is known.
enum class Claim {
  samples,  ///< a random draw from (an approximation of) the posterior
  mean,     ///< an estimate of the posterior's mean: nearer to it than a draw
  point,    ///< a regularised image that explains the data, nearer to the truth than the adjoint
  none      ///< nothing that could be judged: a look at the data, a method for comparison
};
constexpr auto words_of(Claim) {
  using enum Claim;
  return std::to_array<Word<Claim>>({{samples, "samples"}, {mean, "mean"}, {point, "point"}, {none, "none"}});
}

struct SolverTraits {
  Claim claim = Claim::point;
  bool samples = false;  ///< every run draws another image: several may be asked for, for a mean and a spread
  bool needs_prior = false;
  bool linear_only = false;  ///< of operators it takes the linear ones only
};

struct SolverKind {
  std::string name;
  std::string summary;
  SolverTraits traits;
  std::function<std::unique_ptr<Solver>()> make;
};

/// The entry of a solver class whose options are its members.
template <class T>
SolverKind solver_kind(std::string name, std::string summary, SolverTraits traits) {
  return {std::move(name), std::move(summary), traits, [] { return std::make_unique<T>(); }};
}

/// All solvers, sorted by name.
const Registry<SolverKind>& solver_kinds();
/// The same, to add solvers of one's own to (Registry::add); before they are first used.
Registry<SolverKind>& mutable_solver_kinds();

}  // namespace recon
