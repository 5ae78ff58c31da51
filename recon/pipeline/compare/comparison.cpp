#include "recon/pipeline/compare/comparison.h"

#include <ATen/ATen.h>

#include <cmath>
#include <optional>

#include "operators/unsuitable_operator.h"
#include "priors/load_prior.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/compare/oracle_search.h"
#include "recon/pipeline/compare/solver_option.h"
#include "recon/pipeline/compare/step_budget.h"
#include "recon/pipeline/items/opened_input.h"

namespace recon {
namespace {

constexpr std::int64_t probe_few = 2, probe_more = 6;  ///< steps of the two short solves that a budget is measured by

constexpr double oracle_low = 1e-6, oracle_high = 1e2;  ///< in the solvers' units, where images lie in [-1, 1]

std::optional<std::int64_t> steps_of(Solver& solver) {
  const auto option = find_option(solver, "steps");
  if (!option || !option->value) return std::nullopt;
  return std::llround(*option->value);
}

void set_steps(Solver& solver, std::int64_t steps) { set_option(solver, "steps", static_cast<double>(steps)); }

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

class Comparison {
 public:
  Comparison(ComparisonPlan& plan, const RunControls& controls, const ComparisonListener& listener)
      : plan_(plan), controls_(controls), listener_(listener) {
    bool needed = false;
    for (const auto& compared : plan_.solvers) {
      needed = needed || compared.solver.solver->needs_prior();
      configured_steps_.push_back(steps_of(*compared.solver.solver));
    }
    if (needed) prior_ = load_prior(plan_.prior);
  }

  ComparisonResult run() {
    for (const auto& task : plan_.tasks) {
      if (cancelled()) break;
      guarded(task, "", [&] { run_task(task); });
    }
    if (first_fault_ && result_.reconstructed == 0) throw *first_fault_;
    result_.interrupted = result_.interrupted || cancelled();
    return std::move(result_);
  }

 private:
  bool cancelled() const { return controls_.cancellation != nullptr && controls_.cancellation->cancelled(); }

  /// Bad data are a row; a wrong config is thrown.
  template <class Work>
  void guarded(const TaskPlan& task, const std::string& id, const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data) throw;
      if (!first_fault_) first_fault_ = error;
      add_failed(task, id, "", error.what());
    }
  }

  ItemSource source_of(const TaskPlan& task) const {
    if (task.input) return open_single_input(*task.input, task.item_options).source;
    const auto seed = static_cast<std::uint64_t>(task.simulation->options.seed);
    return ItemSource::of(simulate(*task.simulation, seed, [&] { return cancelled(); }), task.name, task.item_options);
  }

  void run_task(const TaskPlan& task) {
    ItemSource source = source_of(task);
    bool first = true;
    for (const std::int64_t index : source.indices(task.items)) {
      if (cancelled()) return;
      guarded(task, source.ids()[static_cast<std::size_t>(index)], [&] {
        const PreparedItem item = source.prepare(index, controls_.device);
        if (first) choose_steps(task, item);
        first = false;
        run_item(task, item);
      });
    }
  }

  void run_item(const TaskPlan& task, const PreparedItem& item) {
    std::vector<ComparedResult> results;
    for (const auto& compared : plan_.solvers) {
      if (cancelled()) break;
      if (controls_.on_begin) {
        controls_.on_begin(fmt::format("{} {}: {}", task.name, item.id, compared.solver.name));
      }
      results.push_back(attempt(task, item, compared));
      if (controls_.on_end) controls_.on_end();
      record(task, item.id, results.back());
    }
    if (listener_ && !results.empty()) listener_(task, item, results);
  }

  Controls controls(std::int64_t trace_every) const {
    return {.seed = controls_.seed,
            .observer = controls_.on_step,
            .cancellation = controls_.cancellation,
            .trace_every = trace_every};
  }

  /// Without maps for solves of which nobody sees more than the figures.
  ItemRunner runner(const TaskPlan& task, const ComparedSolver& compared, bool maps) const {
    return {compared.solver,
            prior_,
            task.item_options.complex_image,
            task.item_options.location_of_complex_image,
            {.maps = maps}};
  }

  /// Whatever a solver throws is its own failure: the others are not to suffer from it.
  ComparedResult attempt(const TaskPlan& task, const PreparedItem& item, const ComparedSolver& compared) const {
    ComparedResult result{.solver = compared.solver.name, .result = {}, .error = {}};
    try {
      if (!compared.oracle.empty()) result.note = choose_by_truth(task, item, compared);
      result.result = runner(task, compared, true).run(item, compared.samples, controls(plan_.options.trace_every));
    } catch (const UnsuitableOperator& error) {
      result.applicable = false;
      result.error = first_line(error.what());
    } catch (const std::exception& error) {
      result.error = first_line(error.what());
    }
    return result;
  }

  /// Sets the solver's `oracle` option to the value of the highest PSNR; says which it is.
  std::string choose_by_truth(const TaskPlan& task, const PreparedItem& item, const ComparedSolver& compared) const {
    if (!item.ground_truth.defined()) {
      throw data_error(item.id, "`oracle` chooses by the ground truth, and this item has none");
    }
    Solver& solver = *compared.solver.solver;
    const Limits limits = find_option(solver, compared.oracle)->limits;
    const auto psnr = [&](double value) {
      set_option(solver, compared.oracle, value);
      return runner(task, compared, false).run(item, compared.samples, controls(0)).rows.front().psnr;
    };
    const double best = best_number(psnr, std::max(oracle_low, limits.min), std::min(oracle_high, limits.max));
    set_option(solver, compared.oracle, best);
    return fmt::format("{} {:.3g} by the ground truth", compared.oracle, best);
  }

  void record(const TaskPlan& task, const std::string& id, const ComparedResult& result) {
    for (const auto& warning : result.result.warnings)
      log::warn("{} {}: {}: {}", task.name, id, result.solver, warning);
    if (!result.error.empty()) {
      if (result.applicable) add_failed(task, id, result.solver, result.error);
      if (!result.applicable) add_without_image(task, id, result.solver, "not_applicable", result.error);
      return;
    }
    ++result_.reconstructed;
    for (const auto& row : result.result.rows) {
      if (row.status == to_string(Outcome::diverged)) ++result_.failed;
      if (row.status == misfit_status) ++result_.misfits;
      result_.interrupted = result_.interrupted || row.status == to_string(Outcome::stopped_early);
      result_.rows.push_back({task.name, row, result.note});
      if (row.status == to_string(Outcome::diverged)) {
        result_.rows.back().result.error = "the iterate became infinite or NaN; the last finite one is shown";
      }
    }
  }

  void add_failed(const TaskPlan& task, const std::string& id, const std::string& solver, const std::string& error) {
    ++result_.failed;
    log::warn("{} {} {} failed: {}", task.name, id, solver, error);
    add_without_image(task, id, solver, "failed", error);
  }

  void add_without_image(const TaskPlan& task, const std::string& id, const std::string& solver, const char* status,
                         const std::string& error) {
    ResultRow row;
    row.id = id;
    row.solver = solver;
    row.status = status;
    row.error = error;
    result_.rows.push_back({task.name, row});
  }

  /// Under a budget, gives each solver the steps that it pays for on this task.
  void choose_steps(const TaskPlan& task, const PreparedItem& item) {
    if (plan_.budget.empty()) return;
    for (std::size_t i = 0; i < plan_.solvers.size(); ++i) {
      const ComparedSolver& compared = plan_.solvers[i];
      if (configured_steps_[i]) set_steps(*compared.solver.solver, *configured_steps_[i]);
      result_.budgets.push_back(choice(task, item, compared));
      if (const auto steps = result_.budgets.back().steps; steps > 0) set_steps(*compared.solver.solver, steps);
    }
  }

  BudgetChoice choice(const TaskPlan& task, const PreparedItem& item, const ComparedSolver& compared) const {
    BudgetChoice chosen{.task = task.name, .solver = compared.solver.name, .steps = 0, .note = {}};
    Solver& solver = *compared.solver.solver;
    const auto configured = steps_of(solver);
    if (!solver.needs_prior() || !configured) {
      chosen.note =
          solver.needs_prior() ? "has no option `steps`: as configured" : "no prior: to its own stopping rule";
      return chosen;
    }
    const bool by_time = plan_.budget.seconds.has_value();
    const auto cost = [&](std::int64_t steps) {
      set_steps(solver, steps);
      const Report report = runner(task, compared, false).run(item, by_time ? compared.samples : 1, controls(0)).report;
      return by_time ? report.seconds : static_cast<double>(report.nfe_forward + report.nfe_backward);
    };
    try {
      const double budget = by_time ? *plan_.budget.seconds : *plan_.budget.nfe;
      if (by_time) cost(probe_few);  // the first solve of a kind pays for set-up
      const auto steps = affordable_steps(cost, budget, probe_few, probe_more);
      if (!steps) chosen.note = "its cost does not grow with `steps`: as configured";
      chosen.steps = steps.value_or(0);
    } catch (const std::exception& error) {
      chosen.note = first_line(error.what());
    }
    set_steps(solver, *configured);
    return chosen;
  }

  ComparisonPlan& plan_;
  const RunControls& controls_;
  const ComparisonListener& listener_;
  std::vector<std::optional<std::int64_t>> configured_steps_;
  PriorPtr prior_;
  ComparisonResult result_;
  std::optional<Error> first_fault_;
};

}  // namespace

ComparisonResult run_comparison(ComparisonPlan& plan, const RunControls& controls, const ComparisonListener& listener) {
  return Comparison(plan, controls, listener).run();
}

}  // namespace recon
