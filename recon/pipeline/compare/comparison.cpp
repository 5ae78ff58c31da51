#include "recon/pipeline/compare/comparison.h"

#include <ATen/ATen.h>

#include <cmath>
#include <optional>

#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/core/out_of_memory.h"
#include "recon/pipeline/compare/comparison_output.h"
#include "recon/pipeline/compare/oracle_search.h"
#include "recon/pipeline/compare/solver_option.h"
#include "recon/pipeline/compare/step_budget.h"
#include "recon/pipeline/items/opened_input.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/solve/complex_choice.h"
#include "recon/pipeline/solve/engine.h"
#include "recon/pipeline/solve/precision_choice.h"
#include "recon/pipeline/solve/prior_choice.h"
#include "recon/pipeline/solve/solver_choice.h"

namespace recon {
namespace {

constexpr std::int64_t probe_few = 2, probe_more = 6;  ///< steps of the two short solves that a budget is measured by

/// By which the first prior answers for `precision: auto`: tasks differ.
const Shape usual_size = {128, 128};

/// For solves of which nobody sees more than the figures.
const Evaluation figures_only{.selection = Selection::mean, .maps = false};

constexpr double oracle_low = 1e-6, oracle_high = 1e2;  ///< in the solvers' units, where images lie in [-1, 1]

std::optional<SolverOption> steps_of(Solver& solver) { return find_option(solver, "steps"); }

void set_steps(Solver& solver, std::optional<double> steps) { set_option(solver, "steps", steps); }

/// The sink of `recon compare`: rows with budgets, and the report. It is told of one task after the other.
class Comparison final : public ResultSink {
 public:
  Comparison(ComparisonPlan& plan, const RunControls& controls) : plan_(plan), controls_(controls) {
    for (const auto& compared : plan_.solvers) {
      result_.solvers[compared.solver.name] = {.type = compared.options.value("type", compared.solver.name),
                                               .needs_prior = compared.may_need_prior(),
                                               .knows_truth = !compared.oracle.empty()};
      configured_steps_.push_back(compared.solver.solver != nullptr ? steps_of(*compared.solver.solver) : std::nullopt);
      if (!compared.may_need_prior()) continue;
      needs_prior_ = true;
      if (plan_.prior_of(compared) != automatic_prior) open_once(plan_.prior_of(compared));  // a task settles that
    }
  }

  ComparisonResult run() {
    result_.files = comparison_files(plan_, controls_.overwrite);
    if (!needs_prior_)
      settle_precision(plan_.options.precision, plan_.resolved, false, "", usual_size, controls_.device);
    check_simulations();
    for (const auto& task : plan_.tasks) {
      if (controls_.cancelled()) break;
      try {
        run_task(task);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::data) {
          if (result_.reconstructed > 0) write_comparison(plan_, report_, result_, controls_.device);
          throw;
        }
        add_unread("", error);
      }
    }
    if (first_fault_ && result_.reconstructed == 0) throw *first_fault_;
    result_.interrupted = result_.interrupted || controls_.cancelled();
    write_comparison(plan_, report_, result_, controls_.device);
    return std::move(result_);
  }

  void begin(const ItemGroup& group) override {
    if (!group.items.front() || has_steps_) return;
    choose_steps(*task_, *group.items.front());
    has_steps_ = true;
  }

  bool solved(const ItemGroup& group, std::size_t method, const std::vector<ItemOutcome>& outcomes) override {
    if (group.errors.front()) return false;
    record(group.ids.front(), {.solver = solvers_[method].solver.name, .outcome = outcomes.front()});
    return true;
  }

  void done(const ItemGroup& group, std::vector<std::vector<ItemOutcome>> outcomes) override {
    if (group.errors.front()) return add_unread(group.ids.front(), *group.errors.front());
    std::vector<ComparedResult> results;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      results.push_back({.solver = solvers_[i].solver.name, .outcome = std::move(outcomes[i].front())});
    }
    if (!results.empty()) report_.add_item(*task_, *group.items.front(), results);
  }

 private:
  /// A wrong operator in the last task is said at once, not after hours of the others.
  void check_simulations() const {
    for (const auto& task : plan_.tasks) {
      if (!task.simulation) continue;
      try {
        const SimulatedItems opened(*task.simulation);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::data) throw;  // images that cannot be read are a row
      }
    }
  }

  OpenedInput opened(const TaskPlan& task) const {
    if (task.input) return open_single_input(*task.input, task.item_options);
    return opened_set(simulate(*task.simulation, controls_), task.name, task.item_options);
  }

  void run_task(const TaskPlan& task) {
    task_ = &task;
    has_steps_ = false;
    OpenedInput input = opened(task);
    ItemSource& source = input.source;
    if (!input.hash.empty()) result_.data[task.name] = input.hash;
    settle_complex_image({&source}, needs_prior_, controls_.device);
    const auto indices = source.indices(task.items);
    settle_solvers({&source, indices.front()});
    SingleItems items(source, indices, controls_.device);
    std::vector<Method> methods;
    for (const auto& compared : solvers_) {
      methods.push_back(method(task, compared, input));
    }
    Engine engine({.seed = seed(),
                   .label = task.name,
                   .contained = EngineOptions::Contained::everything,
                   .memory = plan_.options.memory.bytes()},
                  controls_);
    engine.run(items, methods, *this);
  }

  void open_once(const std::string& name) {
    settle_precision(plan_.options.precision, plan_.resolved, true, name, usual_size, controls_.device);
    PriorPtr& prior = priors_[name];
    if (prior == nullptr) prior = open_prior(name, *plan_.options.precision, plan_.options.memory.bytes());
    result_.priors.insert(name);
  }

  /// The plan's solvers and priors for a task that begins with this item: instead of `auto`, what it takes.
  void settle_solvers(const FirstItem& item) {
    solvers_ = plan_.solvers;
    for (std::size_t i = 0; i < solvers_.size(); ++i) {
      ComparedSolver& compared = solvers_[i];
      nlohmann::ordered_json taken;
      const std::string name = compared.solver.name;
      compared.taken = settle_solver(compared.solver, taken, {item}, compared.samples, controls_.device);
      if (compared.may_need_prior() && plan_.prior_of(compared) == automatic_prior) {
        compared.prior = choose_prior(item.source->image());
        open_once(compared.prior);
      }
      if (compared.taken.empty()) continue;
      compared.options = taken["solver"];
      compared.solver.name = name;
      configured_steps_[i] = steps_of(*compared.solver.solver);
    }
  }

  Method method(const TaskPlan& task, const ComparedSolver& compared, const OpenedInput& input) const {
    Evaluation evaluation;
    std::optional<Error> refused;
    try {
      evaluation.calibration = apply_calibration(compared.calibration, [&] { return conditions(compared); }, {&input});
    } catch (const Error& error) {
      refused = error;  // a row with its reason, the other solvers go on
    }
    Method method{.runner = runner(task, compared, evaluation),
                  .samples = compared.samples,
                  .trace_every = plan_.options.trace_every};
    if (!compared.taken.empty()) method.tune = [&](const PreparedItem&) { return compared.taken; };
    if (refused) method.tune = [error = *refused](const PreparedItem&) -> std::string { throw error; };
    if (!compared.oracle.empty()) {
      method.tune = [&](const PreparedItem& item) { return choose_by_truth(task, item, compared); };
    }
    return method;
  }

  SolvingConditions conditions(const ComparedSolver& compared) const {
    SolvingOptions options;
    options.samples = compared.samples;
    options.antithetic = compared.antithetic;
    options.precision = plan_.options.precision.value_or(Precision::float32);  // auto: no prior is needed
    return solving_conditions(options, compared.solver, compared.options, plan_.prior_of(compared));
  }

  std::uint64_t seed() const { return static_cast<std::uint64_t>(plan_.options.seed); }

  /// Of the short solves that choose a weight or a number of steps.
  Controls controls() const {
    return {.seed = seed(),
            .observer = controls_.steps(),
            .cancellation = controls_.cancellation,
            .memory = plan_.options.memory.bytes()};
  }

  ItemRunner runner(const TaskPlan& task, const ComparedSolver& compared, Evaluation evaluation) const {
    evaluation.prior_slices = task.item_options.prior_slices;
    evaluation.antithetic = compared.antithetic;
    const auto prior = priors_.find(plan_.prior_of(compared));
    return {compared.solver, prior == priors_.end() ? nullptr : prior->second, task.item_options.complex_image,
            task.item_options.location_of_complex_image, std::move(evaluation)};
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
      return runner(task, compared, figures_only).run(item, compared.samples, controls()).rows.front().figure("psnr");
    };
    const double best = best_number(psnr, std::max(oracle_low, limits.min), std::min(oracle_high, limits.max));
    set_option(solver, compared.oracle, best);
    return fmt::format("{} {:.3g} by the ground truth", compared.oracle, best);
  }

  void record(const std::string& id, const ComparedResult& compared) {
    const ItemOutcome& outcome = compared.outcome;
    if (!outcome.result) {
      if (outcome.applicable) add_failed(*task_, id, compared.solver, compared.error());
      if (!outcome.applicable) add_without_image(*task_, id, compared.solver, "not_applicable", compared.error());
      return;
    }
    ++result_.reconstructed;
    for (const auto& row : outcome.result->rows) {
      if (row.status == to_string(Outcome::diverged)) ++result_.failed;
      if (row.status == misfit_status) ++result_.misfits;
      result_.interrupted = result_.interrupted || row.status == to_string(Outcome::stopped_early);
      result_.rows.push_back({task_->name, row, outcome.note});
    }
  }

  /// Bad data are a row; a wrong config is thrown.
  void add_unread(const std::string& id, const Error& error) {
    if (!first_fault_) first_fault_ = error;
    add_failed(*task_, id, "", error.what());
  }

  void add_failed(const TaskPlan& task, const std::string& id, const std::string& solver, const std::string& error) {
    ++result_.failed;
    log::warn("{} {} {} failed: {}", task.name, id, solver, error);
    add_without_image(task, id, solver, "failed", error);
  }

  void add_without_image(const TaskPlan& task, const std::string& id, const std::string& solver, const char* status,
                         const std::string& error) {
    ResultRow row{.id = id, .solver = solver};
    row.status = status;
    row.error = error;
    result_.rows.push_back({task.name, row});
  }

  /// Under a budget, gives each solver the steps that it pays for on this task.
  void choose_steps(const TaskPlan& task, const PreparedItem& item) {
    if (plan_.budget.empty()) return;
    for (std::size_t i = 0; i < solvers_.size(); ++i) {
      const ComparedSolver& compared = solvers_[i];
      if (configured_steps_[i]) set_steps(*compared.solver.solver, configured_steps_[i]->value);
      result_.budgets.push_back(choice(task, item, compared));
      if (const auto steps = result_.budgets.back().steps; steps > 0) {
        set_steps(*compared.solver.solver, static_cast<double>(steps));
      }
    }
  }

  BudgetChoice choice(const TaskPlan& task, const PreparedItem& item, const ComparedSolver& compared) const {
    BudgetChoice chosen{.task = task.name, .solver = compared.solver.name, .steps = 0, .note = {}};
    Solver& solver = *compared.solver.solver;
    const auto configured = steps_of(solver);
    if (!compared.solver.traits.needs_prior || !configured) {
      chosen.note = compared.solver.traits.needs_prior ? "has no option `steps`: as configured"
                                                       : "no prior: to its own stopping rule";
      return chosen;
    }
    const bool by_time = plan_.budget.seconds.has_value();
    const auto cost = [&](std::int64_t steps) {
      set_steps(solver, static_cast<double>(steps));
      const Report report =
          runner(task, compared, figures_only).run(item, by_time ? compared.samples : 1, controls()).report;
      return by_time ? report.seconds : static_cast<double>(report.nfe_forward.front() + report.nfe_backward.front());
    };
    try {
      const double budget = by_time ? *plan_.budget.seconds : *plan_.budget.nfe;
      if (by_time) cost(probe_few);  // the first solve of a kind pays for set-up
      const auto steps = affordable_steps(cost, budget, probe_few, probe_more);
      if (!steps) chosen.note = "its cost does not grow with `steps`: as configured";
      chosen.steps = steps.value_or(0);
    } catch (const std::exception& error) {
      chosen.note = first_line_of(error);
    }
    set_steps(solver, configured->value);
    return chosen;
  }

  ComparisonPlan& plan_;
  const RunControls& controls_;
  std::vector<ComparedSolver> solvers_;  ///< the plan's, for the task that runs
  std::vector<std::optional<SolverOption>> configured_steps_;
  bool needs_prior_ = false;
  std::map<std::string, PriorPtr> priors_;  ///< those that solvers need, by name or path
  const TaskPlan* task_ = nullptr;          ///< the one that runs
  bool has_steps_ = false;                  ///< the budget's, for this task
  ComparisonResult result_;
  ComparisonReport report_;
  std::optional<Error> first_fault_;
};

}  // namespace

std::string ComparedResult::error() const { return outcome.error ? first_line_of(*outcome.error) : ""; }

ComparisonResult run_comparison(ComparisonPlan& plan, const RunControls& controls) {
  return Comparison(plan, controls).run();
}

}  // namespace recon
