#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "priors/networks/precision.h"
#include "recon/config/yaml_options.h"
#include "recon/core/memory_budget.h"
#include "recon/core/parameters.h"
#include "recon/pipeline/items/item_source.h"
#include "recon/solvers/registry.h"

namespace recon {

/// What becomes of several samples of one item.
enum class Selection {
  mean,     ///< their mean
  residual  ///< the one with the least ||y - A x||: best of N where runs can get stuck, chosen without any truth
};
constexpr auto words_of(Selection) {
  using enum Selection;
  return std::to_array<Word<Selection>>({{mean, "mean"}, {residual, "residual"}});
}

inline constexpr const char* antithetic_doc =
    "draw samples two by two from opposite noise: each is as good as without, and their mean is about as good as that "
    "of "
    "many; false: all are independent";

/// Which items of an input are solved, and what is assumed of them.
struct ItemKeys {
  std::vector<std::string> items = {"all"};
  std::optional<double> noise_std;
  bool estimate_noise = false;
  ComplexImage complex_image = ComplexImage::automatic;
  double hold_out = 0;
  std::vector<std::string> prior_slices = {"axial"};

  void visit(ParameterVisitor& v);
};

/// What configs say of how items are solved, besides `input` and `solver`.
struct SolvingOptions : ItemKeys {
  std::string prior = "auto";
  std::optional<Precision> precision = Precision::float32;  ///< none: auto, see precision_choice.h
  MemoryBudget memory;
  std::int64_t samples = 1;
  bool antithetic = true;
  std::int64_t seed = 0;
  Selection select = Selection::mean;

  void visit(ParameterVisitor& v);
};

/// The same and what is made of the results, of a run config and a batch config.
struct ReconstructionOptions : SolvingOptions {
  bool keep_samples = false;
  std::string calibration;
  std::int64_t series = 1;

  void visit(ParameterVisitor& v);
};

/// A solver under the name that its results go by: its type, "tv_pdhg_2" for the second of a type. `auto` has no solver
/// until the items are known (solver_choice.h).
struct NamedSolver {
  std::string name = "auto";
  std::shared_ptr<Solver> solver = nullptr;
  SolverTraits traits = {};
};

/// A solver under its type, numbered where `taken` holds that name already; its name is added to `taken`.
NamedSolver named_solver(ParameterVisitor& section, std::set<std::string>& taken);
/// Whether a solver's section says `type: auto`. Throws Error(usage) for other keys in it than the `allowed` ones.
bool is_auto(const YamlNode& section, std::set<std::string> allowed = {});
/// The solver of the section `solver`; `auto` when there is none. `taken` holds the names in use.
NamedSolver read_main_solver(YamlOptions& options, std::set<std::string>& taken);
/// What `keys`, read from that config, ask of the items. Throws Error(usage) for two sources of the noise level.
ItemOptions item_options_of(const ItemKeys& keys, const YamlOptions& config);

/// The `type:` of the section names the solver, the other keys are its options. Its name is its type.
NamedSolver read_solver(ParameterVisitor& section);

}  // namespace recon
