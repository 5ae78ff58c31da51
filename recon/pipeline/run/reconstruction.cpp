#include "recon/pipeline/run/reconstruction.h"

#include <ATen/ATen.h>

#include <optional>

#include "data/atomic_file.h"
#include "data/content_hash.h"
#include "priors/load_prior.h"
#include "recon/config/option_lister.h"
#include "recon/config/version.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/items/opened_input.h"
#include "recon/pipeline/run/result_assembly.h"
#include "recon/pipeline/solve/item_runner.h"

namespace recon {
namespace {

/// One experiment: what is the same for all items, and the loop over them.
class Reconstruction {
 public:
  Reconstruction(const RunPlan& plan, const RunControls& controls)
      : plan_(plan),
        controls_(controls),
        input_(open_single_input(plan.input, plan.item_options)),
        source_(input_.source) {
    { const AtomicFile writable(plan.output.string()); }  // before hours of computing
    if (!plan.preview.empty()) const AtomicFile writable(plan.preview.string());
    load_prior_if_needed();
    for (const auto& baseline : plan.baselines) runners_.push_back(runner(baseline));
    runners_.push_back(runner(plan.main));
  }

  ReconstructionResult run() {
    ResultAssembly assembly(plan_, source_.header().range);
    std::optional<Error> first_fault;
    const std::vector<std::int64_t> wanted = source_.indices(plan_.options.items);
    for (const std::int64_t index : wanted) {
      if (cancelled()) break;
      try {
        const PreparedItem item = source_.prepare(index, controls_.device);
        if (auto methods = solve(item)) assembly.add(item, *methods);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::data) throw;
        if (!first_fault) first_fault = error;
        const std::string id = source_.ids()[static_cast<std::size_t>(index)];
        log::warn("item {} failed: {}", id, error.what());
        assembly.add_failed(id, error.what());
      }
    }
    if (first_fault && assembly.failed() == wanted.size()) throw *first_fault;
    ReconstructionResult result = assembly.finish();
    result.interrupted = result.interrupted || cancelled();
    describe(result.set);
    return result;
  }

 private:
  bool cancelled() const { return controls_.cancellation != nullptr && controls_.cancellation->cancelled(); }

  ItemRunner runner(const NamedSolver& solver) const {
    const ItemOptions& options = plan_.item_options;
    return {solver,
            prior_,
            options.complex_image,
            options.location_of_complex_image,
            {.selection = selection_from(plan_.options.select)}};
  }

  void load_prior_if_needed() {
    bool needed = plan_.main.solver->needs_prior();
    for (const auto& baseline : plan_.baselines) needed = needed || baseline.solver->needs_prior();
    if (needed) prior_ = load_prior(plan_.prior);
  }

  /// One result per runner; nothing when the run was cancelled before the main solver began.
  std::optional<std::vector<MethodResult>> solve(const PreparedItem& item) const {
    std::vector<MethodResult> methods;
    for (const auto& method : runners_) {
      if (cancelled()) return std::nullopt;
      if (controls_.on_begin) controls_.on_begin(fmt::format("item {}: {}", item.id, method.name()));
      methods.push_back(method.run(item, plan_.options.samples,
                                   {.seed = controls_.seed,
                                    .observer = controls_.on_step,
                                    .cancellation = controls_.cancellation,
                                    .trace_every = plan_.options.trace_every}));
      if (controls_.on_end) controls_.on_end();
      for (const auto& warning : methods.back().warnings) log::warn("item {}: {}: {}", item.id, method.name(), warning);
    }
    return methods;
  }

  void describe(ResultSet& set) const {
    set.config = to_yaml(plan_.resolved);
    set.operator_config = source_.header().operator_config;
    set.seed = controls_.seed;
    set.versions = versions();
    set.input = input_.path;
    set.input_hash = input_.hash;
    if (prior_ == nullptr) return;
    set.prior = plan_.prior;
    set.prior_hash = content_hash_of_path(find_prior(plan_.prior));
  }

  const RunPlan& plan_;
  const RunControls& controls_;
  OpenedInput input_;
  ItemSource& source_;
  PriorPtr prior_;
  std::vector<ItemRunner> runners_;  ///< the baselines, then the main solver
};

}  // namespace

ReconstructionResult run_reconstruction(const RunPlan& plan, const RunControls& controls) {
  return Reconstruction(plan, controls).run();
}

}  // namespace recon
