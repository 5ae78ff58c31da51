// recon compare: solvers side by side on the same measurements.
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "recon/commands/progress_printer.h"
#include "recon/commands/verb_setup.h"
#include "recon/core/log.h"
#include "recon/pipeline/compare/comparison.h"
#include "recon/pipeline/compare/comparison_table.h"
#include "recon/pipeline/compare/held_out_ranking.h"
#include "recon/pipeline/compare/paired_differences.h"

namespace recon {
namespace {

class CompareVerb final : public Verb {
 public:
  const char* name() const override { return "compare"; }
  const char* summary() const override { return "Compare solvers on the same measurements: table, CSV, HTML report"; }
  const char* examples() const override {
    return R"(CONFIG is a YAML file: `solvers` (a list, each with the keys of run's `solver`, and `name` and `samples`
if wanted), and `input` (a measurement file) or `tasks` (a list, each with `input` or with `simulate`:
images, operator, noise). `budget: {nfe: N}` or `{seconds: S}` gives solvers with a prior the steps that
they can pay for. Writes report.html (one file, works offline), results.csv and results.json to the
folder `output`. A solver that fails is a row with its reason; the others go on and the exit code is 1.
One that has no use for such an operator is a row, too, and no failure. `oracle: weight` chooses a weight
by the ground truth, and says so.

Examples:
  recon compare configs/compare/quick.yaml
  recon compare configs/compare/bakeoff_photo.yaml --set output=photo --threads 2
  recon compare configs/compare/quick.yaml --set 'budget={nfe: 30}' --set samples=4
  recon compare configs/compare/quick.yaml --set 'solvers=[{type: tv_pdhg}, {type: wiener}]' --json
)";
  }

  void describe(CLI::App& app) override {
    app.add_option("CONFIG", config_, "Config (YAML)")->required();
    shortcuts_.add_to(app, {"prior", "precision", "samples", "output"});
    add_allow_misfit(app, allow_misfit_);
    add_force(app, force_);
  }

  VerbResult execute(const GlobalOptions& options) override {
    ProgressPrinter progress(options.quiet);
    const RunControls controls = controls_of(options, progress, force_);
    ComparisonPlan plan = read_comparison_plan(config_of(config_, options, shortcuts_), options.seed);
    const ComparisonResult result = run_comparison(plan, controls);
    VerbResult verb;
    verb.json = comparison_json(result);
    verb.text = comparison_text(result.rows, static_cast<std::size_t>(terminal_columns(STDOUT_FILENO))) +
                paired_text(against_best_classical(result)) +
                ranking_text(held_out_rankings(result.rows, result.data)) + "report: " + result.files.report +
                "\ntable:  " + result.files.csv + "\n";
    if (result.interrupted) log::warn("interrupted: what is done is in the report");
    const bool refused = refuse_misfits(result.misfits, allow_misfit_);
    const bool failed = result.interrupted || result.failed > 0 || result.reconstructed == 0 || refused;
    verb.exit_code = failed ? exit_some_failed : exit_ok;
    return verb;
  }

 private:
  std::string config_;
  ConfigShortcuts shortcuts_;
  bool allow_misfit_ = false;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_compare_verb() { return std::make_unique<CompareVerb>(); }

}  // namespace recon
