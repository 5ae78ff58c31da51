#include "recon/pipeline/batch/batch_plan.h"

#include <algorithm>

#include "priors/load_prior.h"
#include "recon/config/yaml_options.h"
#include "recon/config/yaml_scalars.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/item_choice.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/items/seed_option.h"
#include "recon/pipeline/solve/complex_choice.h"
#include "recon/pipeline/solve/result_columns.h"

namespace recon {
namespace {

/// The wanted items in the order of the inputs.
std::vector<BatchWork::Item> chosen(const std::vector<OpenedInput>& inputs, const std::vector<std::string>& wanted) {
  std::vector<BatchWork::Item> all;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto& own = inputs[i].source.ids();
    for (std::size_t k = 0; k < own.size(); ++k) all.push_back({.input = i, .index = static_cast<std::int64_t>(k)});
    ids.insert(ids.end(), own.begin(), own.end());
  }
  std::vector<std::int64_t> positions = chosen_items(ids, wanted, "items");
  std::sort(positions.begin(), positions.end());
  std::vector<BatchWork::Item> items;
  for (const std::int64_t i : positions) items.push_back(all[static_cast<std::size_t>(i)]);
  return items;
}

void require_alike(const std::vector<OpenedInput>& inputs) {
  const auto& first = inputs.front();
  for (const auto& input : inputs) {
    if (input.source.image() != first.source.image()) {
      throw usage_error("input", "expected images of one shape, {} has {} and {} has {}; make a batch of each kind",
                        first.name, first.source.image().to_string(), input.name, input.source.image().to_string());
    }
    const ImageRange a = first.source.header().range, b = input.source.header().range;
    if (a != b) {
      throw usage_error("input", "expected one image_range, {} has [{:g}, {:g}] and {} has [{:g}, {:g}]", first.name,
                        a.low, a.high, input.name, b.low, b.high);
    }
  }
}

}  // namespace

void BatchOutput::visit(ParameterVisitor& v) {
  v.field("path", path, "result file (HDF5); while the batch runs, what is done lies in the folder PATH.parts");
  v.field("csv", csv, "summary, a line per item; empty: none");
  v.field("contact_sheet", contact_sheet, "PNG of the first reconstructions; empty: none");
  v.field("contact_items", contact_items, "pictures on the contact sheet", {.min = 1, .max = 1024});
  v.field("compression", compression, "gzip level of the images in the result file; 0: none", {.min = 0, .max = 9});
}

void BatchSize::visit(ParameterVisitor& v) {
  v.field("size", size, "items that go through the solver together; the last digits of a result depend on it",
          {.min = 1, .max = 4096});
  v.field("maps", maps, "store the maps `prior_part`, `chi2_map` and `quantiles`; costs a linear solve per item");
}

BatchPlan read_batch_plan(const Config& config, std::optional<std::uint64_t> seed) {
  BatchPlan plan;
  YamlOptions options(config.root(), "");
  plan.input = options.node("input");
  if (plan.input == nullptr) {
    throw usage_error(options.location(), "`input` is missing: which files are to be reconstructed?");
  }
  options.set_resolved("input", as_json(*plan.input));
  plan.options.visit(options);
  replace_seed(options, seed, plan.options.seed);
  std::set<std::string> taken;
  plan.main = read_main_solver(options, taken);
  read_section(options, "batch", "how many items go together", plan.batch);
  read_section(options, "output", "where the results go", plan.output);
  options.finish();
  plan.prior = prior_from(options, "prior", plan.options.prior);
  if (is_prior_path(plan.prior)) {
    options.set_resolved("prior", std::filesystem::absolute(plan.prior).lexically_normal().string());
  }
  plan.item_options = item_options_of(plan.options, options);
  plan.item_options.check_noise_level = false;  // a line per item would bury the others
  plan.folder = (std::filesystem::current_path() / plan.input->folder).lexically_normal().string();
  plan.resolved = options.resolved();
  return plan;
}

std::vector<BatchWork::Item> BatchWork::items_of(std::size_t batch) const {
  const auto begin = items.begin() + batches.at(batch).first;
  return {begin, begin + batches[batch].count};
}

std::vector<std::string> BatchWork::ids_of(std::size_t batch) const {
  const auto begin = ids.begin() + batches.at(batch).first;
  return {begin, begin + batches[batch].count};
}

std::vector<std::size_t> BatchWork::inputs_of(std::size_t batch) const {
  std::set<std::size_t> found;
  for (const auto& item : items_of(batch)) found.insert(item.input);
  return {found.begin(), found.end()};
}

ItemGroup BatchWork::load(std::size_t batch, c10::Device device) {
  ItemGroup group;
  group.number = batch;
  for (const auto& item : items_of(batch)) group.read(inputs[item.input].source, item.index, device);
  return group;
}

Method batch_method(const BatchPlan& plan, const PriorPtr& prior) {
  return {.runner =
              ItemRunner(plan.main, prior, plan.item_options.complex_image, plan.item_options.location_of_complex_image,
                         {.selection = plan.options.select, .maps = plan.batch.maps}),
          .samples = plan.options.samples};
}

EngineOptions batch_engine_options(const BatchPlan& plan) {
  return {.seed = static_cast<std::uint64_t>(plan.options.seed), .finish_groups = true, .log_warnings = false};
}

SolverResults batch_rows(const BatchPlan& plan, const BatchWork& work, const std::vector<ItemOutcome>& outcomes,
                         c10::Device device) {
  ResultColumns columns(plan.main.name, work.inputs.front().source.result_image(),
                        {.keep_samples = plan.options.keep_samples, .device = device.str()});
  for (const auto& outcome : outcomes) columns.add(outcome);
  return columns.results();
}

BatchWork open_batch_work(const BatchPlan& plan) {
  BatchWork work;
  work.inputs = open_inputs(plan.input, plan.item_options);
  require_alike(work.inputs);
  std::vector<ItemSource*> sources;
  for (auto& input : work.inputs) sources.push_back(&input.source);
  settle_complex_image(sources, plan.main.traits.needs_prior, c10::Device(c10::kCPU));
  work.items = chosen(work.inputs, plan.options.items);
  std::string operator_hash;
  for (std::size_t i = 0; i < work.items.size(); ++i) {
    const OpenedInput& input = work.inputs[work.items[i].input];
    if (work.batches.empty() || work.batches.back().count == plan.batch.size || input.operator_hash != operator_hash) {
      work.batches.push_back({.first = static_cast<std::int64_t>(i), .count = 0});
      operator_hash = input.operator_hash;
    }
    ++work.batches.back().count;
    work.ids.push_back(input.source.ids()[static_cast<std::size_t>(work.items[i].index)]);
  }
  return work;
}

}  // namespace recon
