// recon compare: solvers side by side on the same measurements.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "data/atomic_file.h"
#include "data/content_hash.h"
#include "priors/load_prior.h"
#include "recon/commands/interruption.h"
#include "recon/commands/progress_printer.h"
#include "recon/commands/verb.h"
#include "recon/core/cuda_backend.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/compare/comparison_report.h"
#include "recon/pipeline/compare/comparison_table.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// The three files of a comparison, in the folder that the config names.
struct OutputFiles {
  explicit OutputFiles(const fs::path& folder)
      : report(folder / "report.html"), csv(folder / "results.csv"), json(folder / "results.json") {
    std::error_code failure;
    fs::create_directories(folder, failure);
    if (failure) throw data_error(folder.string(), "cannot make this folder: {}", failure.message());
    for (const auto& path : {report, csv, json}) const AtomicFile writable(path.string());  // before hours of computing
  }
  fs::path report, csv, json;
};

ReportFacts facts_of(const ComparisonPlan& plan, const RunControls& controls) {
  ReportFacts facts{.prior = {}, .prior_hash = {}, .device = controls.device.str(), .seed = controls.seed};
  for (const auto& compared : plan.solvers) {
    if (!compared.solver.solver->needs_prior() || !facts.prior.empty()) continue;
    facts.prior = plan.prior;
    facts.prior_hash = content_hash_of_path(find_prior(plan.prior));
  }
  return facts;
}

class CompareVerb final : public Verb {
 public:
  const char* name() const override { return "compare"; }
  const char* summary() const override { return "Compare solvers on the same measurements: table, CSV, HTML report"; }
  const char* examples() const override {
    return "CONFIG is a YAML file: `solvers` (a list, each with the keys of run's `solver`, and `name` and `samples`\n"
           "if wanted), and `input` (a measurement file) or `tasks` (a list, each with `input` or with `simulate`:\n"
           "images, operator, noise). `budget: {nfe: N}` or `{seconds: S}` gives solvers with a prior the steps that\n"
           "they can pay for. Writes report.html (one file, works offline), results.csv and results.json to the\n"
           "folder `output`. A solver that fails is a row with its reason; the others go on and the exit code is 1. "
           "One\n"
           "that has no use for such an operator is a row, too, and no failure. `oracle: weight` chooses a weight by "
           "the\n"
           "ground truth, and says so.\n\n"
           "Examples:\n"
           "  recon compare configs/compare/quick.yaml\n"
           "  recon compare configs/compare/bakeoff_photo.yaml --set output=photo --threads 2\n"
           "  recon compare configs/compare/quick.yaml --set 'budget={nfe: 30}' --set samples=4\n"
           "  recon compare configs/compare/quick.yaml --set 'solvers=[{type: tv_pdhg}, {type: wiener}]' --json\n";
  }

  void describe(CLI::App& app) override {
    app.add_option("CONFIG", config_, "Config (YAML)")->required();
    add_allow_misfit(app, allow_misfit_);
  }

  VerbResult execute(const GlobalOptions& options) override {
    const CancellationToken& stop = interruption();
    Config config = Config::from_file(config_);
    for (const auto& assignment : options.set) config.set(assignment);
    ComparisonPlan plan = read_comparison_plan(config);
    if (options.seed) seed_everything(plan, *options.seed);
    const OutputFiles files(plan.output);
    ProgressPrinter progress(options.quiet);
    const RunControls controls{.device = parse_device(options.device),
                               .seed = static_cast<std::uint64_t>(plan.options.seed),
                               .cancellation = &stop,
                               .on_begin = [&](const std::string& label) { progress.begin(label); },
                               .on_step = [&](const ProgressEvent& event) { progress.update(event); },
                               .on_end = [&] { progress.end(); }};
    ComparisonReport report;
    const ComparisonResult result = run_comparison(
        plan, controls,
        [&](const auto& task, const auto& item, const auto& results) { report.add_item(task, item, results); });
    return reported(files, result, report.html(plan, result, facts_of(plan, controls)));
  }

 private:
  static void seed_everything(ComparisonPlan& plan, std::uint64_t seed) {
    plan.options.seed = static_cast<std::int64_t>(seed);
    plan.resolved["seed"] = seed;
    for (auto& task : plan.tasks) {
      if (task.simulation) task.simulation->options.seed = plan.options.seed;
      if (task.input && task.input->simulation) task.input->simulation->options.seed = plan.options.seed;
    }
  }

  VerbResult reported(const OutputFiles& files, const ComparisonResult& result, const std::string& html) const {
    VerbResult verb;
    verb.json = comparison_json(result);
    verb.json["report"] = files.report.string();
    verb.json["csv"] = files.csv.string();
    write_file_atomically(files.report.string(), html);
    write_file_atomically(files.csv.string(), comparison_csv(result.rows));
    write_file_atomically(files.json.string(), verb.json.dump(2) + "\n");
    verb.text =
        comparison_text(result.rows) + "report: " + files.report.string() + "\ntable:  " + files.csv.string() + "\n";
    if (result.interrupted) log::warn("interrupted: what is done is in the report");
    const bool refused = refuse_misfits(result.misfits, allow_misfit_);
    const bool failed = result.interrupted || result.failed > 0 || result.reconstructed == 0 || refused;
    verb.exit_code = failed ? exit_some_failed : exit_ok;
    return verb;
  }

  std::string config_;
  bool allow_misfit_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_compare_verb() { return std::make_unique<CompareVerb>(); }

}  // namespace recon
