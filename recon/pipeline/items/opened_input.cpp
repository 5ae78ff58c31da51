#include "recon/pipeline/items/opened_input.h"

#include <memory>
#include <utility>

#include "data/content_hash.h"
#include "data/file_pattern.h"
#include "data/measurement_file.h"
#include "data/phantom.h"
#include "recon/config/option_lister.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/items/external_reader.h"
#include "recon/pipeline/items/operator_estimation.h"
#include "recon/pipeline/items/operator_source.h"

namespace recon {
namespace {

using MeasurementFiles = std::shared_ptr<FilePool<MeasurementFile>>;

ItemReader measurement_reader(const MeasurementFiles& pool, const std::string& path) {
  const auto file = pool->get(path);
  return {.name = path,
          .header = file->header(),
          .ids = file->ids(),
          .measurement = file->measurement(),
          .read = [pool, path](std::int64_t index) { return pool->get(path)->item(index, Finite::unchecked); }};
}

/// With the config's operator in place of the file's, whose arrays go with it.
ItemReader measured_by(ItemReader reader, const InputPlan& plan) {
  const auto measurement = [&](std::int64_t index) { return reader.read(index).y; };
  const YamlNodePtr op = with_estimates(plan.op, std::ssize(reader.ids), measurement, reader.header.noise, reader.name);
  const BuiltOperator built = build_operator(op, "operator", reader.header.image, reader.name);
  log::info("{}: measured by {}, in place of the file's operator", reader.name, built.op->name());
  reader.header.operator_config = to_yaml(built.config);
  reader.header.operator_arrays = built.arrays;
  reader.read = [read = reader.read](std::int64_t index) {
    MeasurementItem item = read(index);
    item.arrays.clear();
    return item;
  };
  return reader;
}

std::string hash_of_operator(const MeasurementHeader& header) {
  std::string bytes = header.operator_config;
  std::map<std::string, at::Tensor> arrays = header.operator_arrays;
  if (header.std_map.defined()) arrays["std_map"] = header.std_map;  // a config's, so not in the hash of the file
  const auto& [covariance, spectrum] = header.correlation;
  if (covariance.defined()) arrays["covariance"] = covariance;
  if (spectrum.defined()) arrays["power_spectrum"] = spectrum;
  for (const auto& [name, value] : arrays) {
    const at::Tensor array = value.cpu().contiguous();
    bytes +=
        fmt::format("\n{} {} {}\n", name, c10::toString(array.scalar_type()), to_string(Shape(array.sizes().vec())));
    bytes.append(static_cast<const char*>(array.const_data_ptr()), array.nbytes());
  }
  return content_hash(bytes);
}

OpenedInput simulated(const InputPlan& plan, ItemOptions options) {
  options.range = plan.measured_range;
  const auto items = std::make_shared<const SimulatedItems>(*plan.simulation);
  std::string content = to_yaml(plan.resolved);
  for (const auto& text : plan.simulation->images) {
    if (phantom_size(text)) continue;  // its name, in the config, is all there is of it
    const auto dataset = text.rfind(":/");
    const bool in_file = dataset != std::string::npos && !std::filesystem::exists(text);
    const std::string path = in_file ? text.substr(0, dataset) : text;
    for (const auto& one : is_file_pattern(path) ? files_matching(path) : std::vector<std::string>{path}) {
      content += content_hash_of_path(one) + "\n";
    }
  }
  ItemSource source({.name = "simulate",
                     .header = items->header(),
                     .ids = items->ids(),
                     .measurement = items->measurement(),
                     .read = [items](std::int64_t index) { return items->item(index); }},
                    options);
  source.measure_range();
  return {plan.name, "simulate", content_hash(content), hash_of_operator(items->header()), std::move(source)};
}

bool states_levels(const ExternalFile& file) { return file.std_map && !file.std_map_is_mask; }

void require_noise(const InputPlan& plan, const ExternalFile& file, const ItemOptions& options) {
  if (plan.noise_of(file) || file.noise || states_levels(file) || options.noise_std || options.estimate_noise) return;
  throw usage_error(
      plan.location,
      "input: how noisy are these data? Add `noise: {{type: gaussian, std: ...}}` (type: none if they are "
      "not), or `estimate_noise: true` beside `input`");
}

/// Opens files for their headers, and again for their items, a few at a time.
class InputFiles {
 public:
  InputFiles(const InputPlan& plan, const ItemOptions& options)
      : plan_(std::make_shared<const InputPlan>(plan)),
        options_(options),
        others_(std::make_shared<FilePool<ExternalFile>>(
            [plan = plan_](const std::string& path) { return open_external(*plan, path); })) {}

  OpenedInput open(const InputFile& file, bool among_others) const {
    ItemOptions options = options_;
    ItemReader reader;
    const InputFormat* format = plan_->format_of(file.path);
    if (format == nullptr) {
      reader = measurement_reader(measurements_, file.path);
      if (plan_->op != nullptr) reader = measured_by(std::move(reader), *plan_);
    } else {
      const auto opened = others_->get(file.path);
      const bool stated = plan_->noise_of(*opened) || opened->noise || states_levels(*opened) || options.noise_std;
      options.estimate_noise = options.estimate_noise || (!stated && format->estimates_noise);
      require_noise(*plan_, *opened, options);
      reader = external_reader(plan_, others_, file.path);
      if (options.noise_std)
        options.noise_std = *options.noise_std * std::abs(reader.header.scale);  // given in the file's units
    }
    if (among_others) {
      for (auto& id : reader.ids) id = file.name + "/" + id;
    }
    const std::string operator_hash = hash_of_operator(reader.header);
    options.range = plan_->measured_range;
    ItemSource source(std::move(reader), options);
    source.measure_range();
    return {file.name, file.path, content_hash_of_path(file.path), operator_hash, std::move(source)};
  }

 private:
  std::shared_ptr<const InputPlan> plan_;
  ItemOptions options_;
  MeasurementFiles measurements_ =
      std::make_shared<FilePool<MeasurementFile>>([](const std::string& path) { return MeasurementFile::open(path); });
  std::shared_ptr<FilePool<ExternalFile>> others_;
};

/// Items can be solved together when they have the same operator, not only an equal one.
void share_operators(std::vector<OpenedInput>& inputs) {
  std::map<std::pair<std::string, std::string>, ItemSource*> first_with;  // this operator and image
  for (auto& [name, path, hash, operator_hash, source] : inputs) {
    const auto [first, is_new] = first_with.try_emplace({operator_hash, source.image().to_string()}, &source);
    if (!is_new) source.share_operator_with(*first->second);
  }
}

}  // namespace

std::vector<OpenedInput> open_inputs(const InputPlan& plan, const ItemOptions& options,
                                     std::vector<SkippedInput>* skipped) {
  if (plan.simulation) return {simulated(plan, options)};
  const InputFiles opener(plan, options);
  const auto files = plan.find_files();
  std::vector<OpenedInput> inputs;
  std::vector<SkippedInput> damaged;
  for (const auto& file : files) {
    try {
      inputs.push_back(opener.open(file, files.size() > 1));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::data || files.size() == 1) throw;
      damaged.push_back({.name = file.name, .reason = error.what()});
    }
  }
  if (!damaged.empty() && (skipped == nullptr || inputs.empty())) {
    for (const auto& file : damaged) log::warn("{}", file.reason);
    throw data_error(plan.location, "{} of {} input files cannot be read, the first: {}; repair them or leave them out",
                     damaged.size(), files.size(), damaged.front().reason);
  }
  if (skipped != nullptr) *skipped = std::move(damaged);
  share_operators(inputs);
  return inputs;
}

OpenedInput opened_set(const MeasurementSet& set, const std::string& name, const ItemOptions& options) {
  return {name, name, "", hash_of_operator(set.header), ItemSource::of(set, name, options)};
}

OpenedInput open_single_input(const InputPlan& plan, const ItemOptions& options) {
  const std::size_t count = plan.find_files().size();
  if (count > 1) {
    throw usage_error(plan.location, "input: expected one file, these are {}; name one, or use `recon batch`", count);
  }
  return std::move(open_inputs(plan, options).front());
}

}  // namespace recon
