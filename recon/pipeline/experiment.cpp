#include "recon/pipeline/experiment.h"

#include <ATen/ATen.h>

#include <optional>

#include "data/atomic_file.h"
#include "data/content_hash.h"
#include "priors/load_prior.h"
#include "recon/config/option_lister.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/item_runner.h"
#include "recon/pipeline/operator_source.h"
#include "recon/pipeline/result_assembly.h"
#include "recon/pipeline/version.h"

namespace recon {
namespace {

/// The noise that a file states, with the config's std in its place when that is given.
Noise noise_of(const MeasurementHeader& header, const RunPlan& plan) {
  Noise noise{.type = noise_type_from(header.noise.type), .std = header.noise.std, .peak = header.noise.peak};
  if (!plan.options.noise_std) return noise;
  if (noise.type == NoiseType::poisson) {
    throw usage_error(plan.place_of_noise_std, "the file's noise is Poisson: its level follows from its peak");
  }
  return {.type = *plan.options.noise_std > 0 ? NoiseType::gaussian : NoiseType::none,
          .std = {*plan.options.noise_std},
          .peak = 0};
}

/// One experiment: what is the same for all items, and the loop over them.
class Experiment {
 public:
  Experiment(const RunPlan& plan, const ExperimentControls& controls)
      : plan_(plan),
        controls_(controls),
        file_(MeasurementFile::open(plan.input.string())),
        noise_(noise_of(file_.header(), plan)),
        complex_image_(complex_image_from(plan.options.complex_image)),
        image_(file_.header().image) {
    if (complex_image_ == ComplexImage::magnitude) image_.field = Field::real;
    { const AtomicFile writable(plan.output.string()); }  // before hours of computing
    if (!plan.preview.empty()) const AtomicFile writable(plan.preview.string());
    load_prior_if_needed();
    for (const auto& baseline : plan.baselines) runners_.push_back(runner(baseline));
    runners_.push_back(runner(plan.main));
  }

  ExperimentResult run() {
    ResultAssembly assembly(plan_, file_.header().range);
    std::optional<Error> first_fault;
    const std::vector<std::int64_t> wanted = indices();
    for (const std::int64_t index : wanted) {
      if (cancelled()) break;
      try {
        const PreparedItem item = prepare(index);
        if (auto methods = solve(item)) assembly.add(item, *methods);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::data) throw;
        if (!first_fault) first_fault = error;
        const std::string id = file_.ids()[static_cast<std::size_t>(index)];
        log::warn("item {} failed: {}", id, error.what());
        assembly.add_failed(id, error.what());
      }
    }
    if (first_fault && assembly.failed() == wanted.size()) throw *first_fault;
    ExperimentResult result = assembly.finish();
    result.interrupted = result.interrupted || cancelled();
    describe(result.set);
    return result;
  }

 private:
  bool cancelled() const { return controls_.cancellation != nullptr && controls_.cancellation->cancelled(); }

  ItemRunner runner(const NamedSolver& solver) const {
    return {solver, prior_, complex_image_, plan_.place_of_complex_image, selection_from(plan_.options.select)};
  }

  void load_prior_if_needed() {
    bool needed = plan_.main.solver->needs_prior();
    for (const auto& baseline : plan_.baselines) needed = needed || baseline.solver->needs_prior();
    if (needed) prior_ = load_prior(plan_.prior);
  }

  std::vector<std::int64_t> indices() const {
    std::vector<std::int64_t> all;
    if (plan_.options.items == std::vector<std::string>{"all"}) {
      for (std::int64_t i = 0; i < file_.count(); ++i) all.push_back(i);
    } else {
      for (const auto& id : plan_.options.items) all.push_back(file_.index_of(id));
    }
    if (all.empty()) throw data_error(file_.path(), "there is no item to reconstruct");
    return all;
  }

  PreparedItem prepare(std::int64_t index) {
    const MeasurementItem stored = file_.item(index);
    const MeasurementHeader& header = file_.header();
    PreparedItem item;
    item.id = stored.id;
    item.op = shared_op_;
    item.range = header.range;
    if (shared_op_ == nullptr) {
      std::map<std::string, at::Tensor> arrays = header.operator_arrays;
      for (const auto& [name, value] : stored.arrays) arrays[name] = value;
      item.op = build_stored_operator(header.operator_config, arrays, image_, file_.path());
      if (stored.arrays.empty()) shared_op_ = item.op;
    }
    if (item.op->range() != file_.measurement()) {
      throw data_error(file_.path() + ":/measurements", "the operator '{}' gives {}, the file holds {}",
                       item.op->name(), item.op->range().to_string(), file_.measurement().to_string());
    }
    item.y = stored.y.unsqueeze(0).to(controls_.device, stored.y.is_complex() ? at::kComplexFloat : at::kFloat);
    item.noise = item_noise(item_level(stored), 0, item.y);
    if (stored.ground_truth.defined()) item.ground_truth = stored.ground_truth.unsqueeze(0);
    return item;
  }

  Noise item_level(const MeasurementItem& stored) const {
    Noise noise = noise_;
    if (noise.type == NoiseType::gaussian && !plan_.options.noise_std) noise.std = {stored.noise_std};
    return noise;
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
    set.operator_config = file_.header().operator_config;
    set.seed = controls_.seed;
    set.versions = versions();
    set.input = plan_.input.string();
    set.input_hash = content_hash_of_file(plan_.input.string());
    if (prior_ == nullptr) return;
    set.prior = plan_.prior;
    set.prior_hash = content_hash_of_path(find_prior(plan_.prior));
  }

  const RunPlan& plan_;
  const ExperimentControls& controls_;
  MeasurementFile file_;
  Noise noise_;
  ComplexImage complex_image_;
  TensorSpec image_;
  PriorPtr prior_;
  OperatorPtr shared_op_;
  std::vector<ItemRunner> runners_;  ///< the baselines, then the main solver
};

}  // namespace

ExperimentResult run_experiment(const RunPlan& plan, const ExperimentControls& controls) {
  return Experiment(plan, controls).run();
}

}  // namespace recon
