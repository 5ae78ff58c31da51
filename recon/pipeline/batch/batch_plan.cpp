#include "recon/pipeline/batch/batch_plan.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "priors/load_prior.h"
#include "recon/config/yaml_options.h"
#include "recon/config/yaml_scalars.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/item_choice.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/items/seed_option.h"
#include "recon/pipeline/solve/complex_choice.h"
#include "recon/pipeline/solve/guarantee.h"
#include "recon/pipeline/solve/prior_choice.h"
#include "recon/pipeline/solve/result_columns.h"
#include "recon/pipeline/solve/solver_choice.h"

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

/// What a result file holds one of.
std::string kind_of_images(const OpenedInput& input) {
  const ImageRange range = input.source.header().range;
  return fmt::format("{} of image_range [{:g}, {:g}]", input.source.image().to_string(), range.low, range.high);
}

/// The inputs by the kind of their images, in the order of the first of each, with the items that are chosen of them.
/// Kinds without such an item are left out.
std::vector<BatchWork> grouped(std::vector<OpenedInput>&& inputs, const std::vector<BatchWork::Item>& items) {
  std::vector<BatchWork> works;
  std::map<std::string, std::size_t> work_of;
  std::vector<std::pair<std::size_t, std::size_t>> place;  // of each input: its work, its number there
  for (auto& input : inputs) {
    const auto [kind, is_new] = work_of.try_emplace(kind_of_images(input), works.size());
    if (is_new) works.emplace_back();
    BatchWork& work = works[kind->second];
    place.emplace_back(kind->second, work.inputs.size());
    work.inputs.push_back(std::move(input));
  }
  for (const auto& item : items) {
    const auto [work, input] = place[item.input];
    works[work].items.push_back({.input = input, .index = item.index});
  }
  std::erase_if(works, [](const BatchWork& work) { return work.items.empty(); });
  return works;
}

/// Cuts the items into batches: of at most `size`, each of one operator. A series is a batch: it is computed whole,
/// whoever does and whenever.
void cut(BatchWork& work, std::int64_t size) {
  std::string operator_hash;
  for (std::size_t i = 0; i < work.items.size(); ++i) {
    const OpenedInput& input = work.inputs[work.items[i].input];
    if (work.batches.empty() || work.batches.back().count == size || input.operator_hash != operator_hash) {
      work.batches.push_back({.first = static_cast<std::int64_t>(i), .count = 0});
      operator_hash = input.operator_hash;
    }
    ++work.batches.back().count;
    work.ids.push_back(input.source.ids()[static_cast<std::size_t>(work.items[i].index)]);
  }
}

/// "all.h5" as "all_96x128.h5"; empty stays empty.
std::string named_by(const std::string& path, const std::string& shape) {
  if (path.empty()) return path;
  const std::filesystem::path whole(path);
  return (whole.parent_path() / fmt::format("{}_{}{}", whole.stem().string(), shape, whole.extension().string()))
      .string();
}

/// Of every operator.
std::vector<FirstItem> first_items(std::vector<OpenedInput>& inputs, const std::vector<BatchWork::Item>& items) {
  std::vector<FirstItem> firsts;
  std::set<std::string> seen;
  for (const auto& item : items) {
    OpenedInput& input = inputs[item.input];
    if (seen.insert(input.operator_hash).second) firsts.push_back({&input.source, item.index});
  }
  return firsts;
}

std::vector<double> scale_of_items(const std::vector<OpenedInput>& inputs, const std::vector<BatchWork::Item>& items) {
  std::vector<double> scale;
  for (const auto& item : items) scale.push_back(inputs[item.input].source.header().scale);
  const bool none = std::all_of(scale.begin(), scale.end(), [](double one) { return one == 1; });
  return none ? std::vector<double>{} : scale;
}

/// Gives every work outputs of its own, those of the config where there is one work.
void name_outputs(std::vector<BatchWork>& works, const BatchOutput& output) {
  std::map<std::string, int> taken;
  for (auto& work : works) {
    work.output = output;
    if (works.size() == 1) continue;
    const Shape& shape = work.inputs.front().source.image().shape;  // [C, H, W] or [C, D, H, W]
    std::string name = fmt::format("{}", fmt::join(shape.begin() + (shape[0] == 1 ? 1 : 0), shape.end(), "x"));
    if (const int same = ++taken[name]; same > 1) name += fmt::format("-{}", same);  // of another field or range
    for (std::string* path : {&work.output.path, &work.output.csv, &work.output.contact_sheet, &work.output.report})
      *path = named_by(*path, name);
  }
}

/// The kind that most files hold; the first of several such.
std::string usual_kind(const std::vector<OpenedInput>& inputs) {
  std::map<std::string, std::size_t> files;
  for (const auto& input : inputs) ++files[kind_of_images(input)];
  const OpenedInput* usual = &inputs.front();
  for (const auto& input : inputs) {
    if (files[kind_of_images(input)] > files[kind_of_images(*usual)]) usual = &input;
  }
  return kind_of_images(*usual);
}

/// Keeps the files whose images are as most.
void leave_one_kind(std::vector<OpenedInput>& inputs, std::vector<SkippedInput>& skipped,
                    BatchSection::OnError on_error) {
  const std::string usual = usual_kind(inputs);
  std::vector<OpenedInput> alike;
  for (auto& input : inputs) {
    const std::string kind = kind_of_images(input);
    if (kind == usual) {
      alike.push_back(std::move(input));
      continue;
    }
    skipped.push_back(
        {.name = input.name, .reason = fmt::format("{}: holds {}, most hold {}", input.path, kind, usual)});
    if (on_error == BatchSection::OnError::stop) {
      throw usage_error("input",
                        "{}; set batch.group_by_shape: true for an output of each kind, or batch.on_error: skip",
                        skipped.back().reason);
    }
  }
  inputs = std::move(alike);
}

}  // namespace

void BatchOutput::visit(ParameterVisitor& v) {
  v.field("path", path, "result file (HDF5); while the batch runs, what is done lies in the folder PATH.parts");
  v.field("csv", csv, "summary, a line per item; empty: none");
  v.field("contact_sheet", contact_sheet, "PNG of the first reconstructions; empty: none");
  v.field("report", report, "HTML page: distributions, failures, items that stand out; empty: none");
  v.field("contact_items", contact_items, "pictures on the contact sheet", {.min = 1, .max = 1024});
  v.field("compression", compression, "gzip level of the images in the result file; 0: none", {.min = 0, .max = 9});
}

void BatchSection::visit(ParameterVisitor& v) {
  v.field("size", size,
          "items that go through the solver together; the last digits of a result depend on it; a `series` is a "
          "batch, whatever this says",
          {.min = 1, .max = 4096});
  v.field("maps", maps, "store the maps `prior_part`, `chi2_map` and `quantiles`; costs a linear solve per item");
  v.choice("on_error", on_error, "files that cannot be read or hold images of another shape: leave them out, or end");
  v.field("group_by_shape", group_by_shape,
          "files of several image shapes: an output of each, its name ending in the shape; else those of most files");
}

BatchPlan read_batch_plan(const Config& config, std::optional<std::uint64_t> seed) {
  return read_batch_plan(config.root(), seed);
}

BatchPlan read_batch_plan(const YamlNodePtr& config, std::optional<std::uint64_t> seed) {
  BatchPlan plan;
  YamlOptions options(config, "");
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
  if (!plan.options.calibration.empty()) {
    const std::string& stated = plan.options.calibration;
    const std::string path = find_calibration(options.path_of("calibration", stated), stated);
    plan.calibration = std::filesystem::absolute(path).lexically_normal().string();
    options.set_resolved("calibration", plan.calibration);
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

std::vector<double> BatchWork::scale_of(std::size_t batch) const { return scale_of_items(inputs, items_of(batch)); }
std::vector<double> BatchWork::scale() const { return scale_of_items(inputs, items); }

std::optional<ImageGeometry> BatchWork::geometry() const {
  if (inputs.size() != 1 || !inputs.front().source.header().geometry) return std::nullopt;
  std::vector<std::int64_t> indices;
  for (const auto& item : items) indices.push_back(item.index);
  return of_slices(*inputs.front().source.header().geometry, indices);
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

Method batch_method(const BatchPlan& plan, const BatchWork& work, const PriorPtr& prior) {
  std::vector<const OpenedInput*> inputs;
  for (const auto& input : work.inputs) inputs.push_back(&input);
  const auto conditions = [&] {
    return solving_conditions(plan.options, plan.main, plan.resolved["solver"], plan.prior);
  };
  return {.runner =
              ItemRunner(plan.main, prior, plan.item_options.complex_image, plan.item_options.location_of_complex_image,
                         {.selection = plan.options.select,
                          .antithetic = plan.options.antithetic,
                          .maps = plan.batch.maps,
                          .calibration = apply_calibration(plan.calibration, conditions, inputs),
                          .prior_slices = plan.item_options.prior_slices}),
          .samples = plan.options.samples,
          .in_series = plan.options.series > 1};
}

EngineOptions batch_engine_options(const BatchPlan& plan, std::int64_t processes) {
  return {.seed = static_cast<std::uint64_t>(plan.options.seed),
          .finish_groups = true,
          .memory = plan.options.memory.bytes(processes),
          .log_warnings = false};
}

SolverResults batch_rows(const BatchPlan& plan, const BatchWork& work, const std::vector<ItemOutcome>& outcomes,
                         c10::Device device) {
  ResultColumns columns(plan.main.name, work.inputs.front().source.result_image(),
                        {.keep_samples = plan.options.keep_samples, .device = device.str()});
  for (const auto& outcome : outcomes) columns.add(outcome);
  return columns.results();
}

std::vector<BatchWork> open_batch_works(BatchPlan& plan) {
  std::vector<SkippedInput> skipped;
  const bool skip = plan.batch.on_error == BatchSection::OnError::skip;
  std::vector<OpenedInput> inputs =
      open_inputs(read_input_plan(plan.input), plan.item_options, skip ? &skipped : nullptr);
  if (!plan.batch.group_by_shape) leave_one_kind(inputs, skipped, plan.batch.on_error);
  const std::vector<BatchWork::Item> items = chosen(inputs, plan.options.items);
  const std::vector<FirstItem> first = first_items(inputs, items);
  settle_solver(plan.main, plan.resolved, first, plan.options.samples, c10::Device(c10::kCPU));
  settle_prior(plan.prior, plan.resolved, first, plan.main.traits.needs_prior);
  // A probe would tell ranks on unlike machines, and a run that is resumed, unlike things.
  if (!plan.options.precision) {
    plan.options.precision = Precision::float32;
    plan.resolved["precision"] = to_string(*plan.options.precision);
  }
  std::vector<BatchWork> works = grouped(std::move(inputs), items);
  for (auto& work : works) {
    std::vector<ItemSource*> sources;
    for (auto& input : work.inputs) sources.push_back(&input.source);
    settle_complex_image(sources, plan.main.traits.needs_prior, c10::Device(c10::kCPU));
    cut(work, plan.options.series > 1 ? plan.options.series : plan.batch.size);
    work.skipped = skipped;
  }
  name_outputs(works, plan.output);
  return works;
}

}  // namespace recon
