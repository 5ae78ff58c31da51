#include "recon/pipeline/items/simulation.h"

#include <ATen/ATen.h>

#include <set>

#include "data/atomic_file.h"
#include "data/phantom.h"
#include "operators/noise.h"
#include "operators/noise_correlation.h"
#include "recon/config/option_lister.h"
#include "recon/config/version.h"
#include "recon/config/yaml_options.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/items/item_noise.h"
#include "recon/pipeline/items/noise_section.h"
#include "recon/pipeline/items/operator_source.h"
#include "recon/pipeline/items/seed_option.h"
#include "recon/pipeline/items/support.h"

namespace recon {
namespace {

/// Cuts out the wanted part and averages blocks of pixels.
at::Tensor trimmed(at::Tensor image, const SimulationPlan& plan, const std::string& id) {
  const auto& options = plan.options;
  if (!options.crop.empty()) {
    const std::int64_t top = options.crop[0], left = options.crop[1], rows = options.crop[2], columns = options.crop[3];
    if (rows < 1 || columns < 1 || rows > image.size(1) - top || columns > image.size(2) - left) {
      throw usage_error(plan.location, "crop [{}, {}, {}, {}] does not lie in image '{}' of {} x {} pixels", top, left,
                        rows, columns, id, image.size(1), image.size(2));
    }
    image = image.narrow(1, top, rows).narrow(2, left, columns);
  }
  if (options.shrink > 1) {
    const std::int64_t height = image.size(1) / options.shrink, width = image.size(2) / options.shrink;
    if (height < 1 || width < 1)
      throw usage_error(plan.location, "shrink {} leaves nothing of '{}'", options.shrink, id);
    image = image.narrow(1, 0, height * options.shrink).narrow(2, 0, width * options.shrink);
    image = image.reshape({image.size(0), height, options.shrink, width, options.shrink}).mean({2, 4});
  }
  return image.to(image.is_complex() ? at::kComplexFloat : at::kFloat).contiguous();
}

/// What a volume is called: its file without folder and ending, or its dataset.
std::string volume_name(const std::string& source) {
  std::string name = std::filesystem::path(source).filename().string();
  return name.substr(0, std::max<std::size_t>(1, name.find('.')));
}

void warn_outside(const at::Tensor& image, const ImageRange& range, const std::string& id) {
  if (image.is_complex()) return;
  const auto outside = (image < range.low).logical_or(image > range.high).sum().item<std::int64_t>();
  if (outside > 0) {
    log::warn("image {}: {} of {} values lie outside image_range [{:g}, {:g}]; they are kept", id, outside,
              image.numel(), range.low, range.high);
  }
}

SimulationPlan plan_from(YamlOptions& options) {
  SimulationPlan plan;
  plan.options.visit(options);
  const NoiseSection noise = read_noise(options, "what is added");
  plan.noise = noise.noise.value_or(default_noise());
  plan.background = noise.background;
  plan.std_map = noise.std_map;
  plan.correlation = noise.correlation;
  if (noise.camera) {
    throw usage_error(options.location(),
                      "camera noise is that of stored numbers; to simulate one, say {{type: poisson_gaussian, peak: "
                      "electrons at white, std: read_noise_e / peak}}");
  }
  const auto operators = options.nodes("operator");
  options.finish();
  plan.location = options.location();
  if (plan.options.images.empty()) throw usage_error(plan.location, "`images` is missing: what is to be measured?");
  if (operators.size() != 1) throw usage_error(plan.location, "`operator` is missing: how is it measured?");
  const auto& range = plan.options.image_range;
  if (range.size() != 2 || !(range[0] < range[1])) {
    throw usage_error(options.location_of("image_range"), "expected [low, high] with low < high");
  }
  if (!plan.options.crop.empty() && plan.options.crop.size() != 4) {
    throw usage_error(options.location_of("crop"), "expected [top, left, height, width]");
  }
  for (const auto& text : plan.options.images) {
    plan.images.push_back(phantom_size(text) ? text : options.path_of("images", text).string());
  }
  plan.op = operators.front();
  plan.output = plan.options.output;
  return plan;
}

}  // namespace

void SimulationOptions::visit(ParameterVisitor& v) {
  v.field("images", images,
          "image files, folders, FILE.h5:/dataset (start at the config's folder), phantom:shepp_logan:SIZE");
  v.choice("channels", channels, "turn pictures into grey or colour ones");
  v.field("crop", crop, "[top, left, height, width] in pixels", {.min = 0});
  v.field("shrink", shrink, "average blocks of so many pixels a side, after the crop", {.min = 1, .max = 4096});
  v.field("volume", volume, "the images of a source are the slices of one volume; shrink then counts for slices, too");
  v.field("image_range", image_range, "[low, high]: values of black and white; 8 and 16 bit pictures have [0, 1]");
  v.field("output", output, "measurement file to write (HDF5); starts at the working directory");
  v.field("keep_truth", keep_truth, "store the images as ground truth");
  v.field(
      "mask_per_item", mask_per_item,
      "inpainting, fourier, sense: another random mask for each image, by the operator's `seed` plus its number; the "
      "file has them all");
  v.field("seed", seed, "seed of the noise", {.min = 0});
  v.field("provenance", provenance, "free text that is stored: what the images are, their licence");
}

SimulationPlan read_simulation_plan(const Config& config, std::optional<std::uint64_t> seed) {
  YamlOptions options(config.root(), "", YamlOptions::Mode::read, file_array);
  SimulationPlan plan = plan_from(options);
  replace_seed(options, seed, plan.options.seed);
  return plan;
}

SimulationPlan read_simulation_section(const YamlNodePtr& node, const std::string& section,
                                       nlohmann::ordered_json& resolved) {
  YamlOptions options(node, section, YamlOptions::Mode::read, file_array);
  if (options.given("output")) {
    throw usage_error(options.location_of("output"), "the measurements stay in memory; `recon simulate` writes files");
  }
  SimulationPlan plan = plan_from(options);
  resolved = options.resolved();
  resolved.erase("output");
  return plan;
}

SimulatedItems::SimulatedItems(SimulationPlan plan)
    : plan_(std::move(plan)), rng_(static_cast<std::uint64_t>(plan_.options.seed), "measurement noise") {
  std::set<std::string> taken;
  for (const auto& text : plan_.images) {
    sources_.push_back(ImageSource::open(text, {.channels = plan_.options.channels}));
    const bool whole = plan_.options.volume;
    for (std::int64_t i = 0; i < (whole ? 1 : sources_.back().count()); ++i) {
      const std::string wanted = whole ? volume_name(text) : sources_.back().ids()[static_cast<std::size_t>(i)];
      std::string id = wanted;
      for (int k = 2; !taken.insert(id).second; ++k) id = wanted + "_" + std::to_string(k);
      ids_.push_back(id);
      places_.emplace_back(sources_.size() - 1, i);
    }
  }
  if (ids_.empty()) throw data_error("simulate", "no image was found, nothing to measure");
  header_.range = {plan_.options.image_range[0], plan_.options.image_range[1]};
  header_.image = spec_of_item(image(0));
  const BuiltOperator built = build_operator(plan_.op, "operator", header_.image);
  op_ = built.op;
  header_.operator_config = to_yaml(built.config);
  header_.operator_arrays = built.arrays;
  if (plan_.options.mask_per_item) {
    if (!built.config.contains("pattern") || !built.config.contains("seed") || built.arrays.contains("mask")) {
      throw usage_error(plan_.location, "mask_per_item: {} has no mask that is drawn from a `seed`", op_->name());
    }
    mask_seed_ = built.config.at("seed").get<std::int64_t>();
    if (at::equal(operator_of(0)->support(), operator_of(1)->support())) {
      throw usage_error(plan_.location, "mask_per_item: the mask of {} does not depend on its `seed`", op_->name());
    }
    nlohmann::ordered_json config = built.config;
    config["pattern"] = "array";
    config["mask"] = {{"dataset", "mask"}};
    header_.operator_config = to_yaml(config);
  }
  header_.noise = plan_.noise;
  if (plan_.background.defined()) header_.background = background_of(plan_.background, measurement(), plan_.location);
  if (plan_.std_map.defined()) {
    header_.std_map = std_map_of(plan_.std_map, 1, measurement(), plan_.location);
    header_.noise.std = {typical_std(header_.std_map)};
  }
  if (plan_.correlation.defined()) {
    require_correlation(plan_.correlation, measurement(), plan_.location);
    header_.correlation = plan_.correlation;
    header_.noise.std = {header_.correlation.typical_std()};
  }
  header_.provenance = plan_.options.provenance.empty()
                           ? fmt::format("recon {} simulate, seed {}", program_version, plan_.options.seed)
                           : plan_.options.provenance;
}

at::Tensor SimulatedItems::image(std::size_t index) const {
  const auto& [source, i] = places_.at(index);
  if (plan_.options.volume) return stacked_slices(sources_[source], ids_[index]).unsqueeze(0);
  return trimmed(sources_[source].image(i), plan_, ids_[index]).unsqueeze(0);
}

at::Tensor SimulatedItems::stacked_slices(const ImageSource& source, const std::string& id) const {
  std::vector<at::Tensor> slices;
  for (std::int64_t d = 0; d < source.count(); ++d) {
    slices.push_back(trimmed(source.image(d), plan_, id));
    if (slices.back().sizes() != slices.front().sizes()) {
      throw data_error(source.description(), "slice {}: expected {} like the first, found {}; use `crop`", d,
                       to_string(shape_of(slices.front())), to_string(shape_of(slices.back())));
    }
  }
  const std::int64_t step = plan_.options.shrink, count = source.count() / step;
  if (count < 1) throw usage_error(plan_.location, "shrink {} leaves no slice of '{}'", step, id);
  const at::Tensor volume = at::stack(slices, 1);
  if (step == 1) return volume;
  return volume.narrow(1, 0, count * step).unflatten(1, {count, step}).mean(2);
}

OperatorPtr SimulatedItems::operator_of(std::int64_t index) const {
  auto seed = std::make_shared<YamlNode>();
  seed->kind = YamlNode::Kind::scalar;
  seed->text = std::to_string(mask_seed_ + index);
  seed->location = plan_.location;
  return build_operator(with_value(plan_.op, "seed", seed), "operator", header_.image).op;
}

MeasurementItem SimulatedItems::item(std::int64_t index) const {
  const auto i = static_cast<std::size_t>(index);
  const at::Tensor truth = image(i);
  if (spec_of_item(truth) != header_.image) {
    throw data_error(ids_[i], "expected {} like the first image, found {}; use `crop` or separate files",
                     header_.image.to_string(), spec_of_item(truth).to_string());
  }
  warn_outside(truth, header_.range, ids_[i]);
  MeasurementItem item;
  const OperatorPtr op = plan_.options.mask_per_item ? operator_of(index) : op_;
  item.id = ids_[i];
  at::Tensor clean = op->apply(truth);
  if (header_.background.defined()) clean = on_support(clean + header_.background.to(clean.options()), op->support());
  const std::vector<StreamKey> key{{stable_hash(item.id), 0}};
  if (header_.std_map.defined()) {
    const Noise unit{.type = NoiseType::gaussian, .std = {1}, .peak = 0};
    const at::Tensor noise = with_noise(unit, at::zeros_like(clean), rng_, key, op->support());
    item.std_map = header_.std_map;
    // Where nothing is measured there is no number: 0, which nobody looks at.
    const at::Tensor measured = at::isfinite(item.std_map);
    item.y = at::where(measured, clean + noise * item.std_map.to(real_dtype(clean)), at::zeros_like(clean))[0];
  } else if (header_.correlation.defined()) {
    const Noise unit{.type = NoiseType::gaussian, .std = {1}, .peak = 0};
    const at::Tensor white = with_noise(unit, at::zeros_like(clean), rng_, key);
    const at::Tensor noise = noise_filter(header_.correlation, 0.5, measurement())->apply(white);
    item.y = (clean + on_support(noise, op->support()))[0];
  } else {
    item.y = with_noise(plan_.noise, clean, rng_, key, op->support())[0];
  }
  if (plan_.options.mask_per_item) {
    at::Tensor mask = op->support();  // of all channels and coils alike
    while (mask.dim() > 2) mask = mask[0];
    item.arrays["mask"] = mask;
  }
  if (plan_.options.keep_truth) item.ground_truth = truth[0];
  item.noise_std = header_.noise.std.empty() ? 0 : header_.noise.std.front();
  return item;
}

MeasurementSet simulate(const SimulationPlan& plan, const RunControls& controls) {
  const SimulatedItems items(plan);
  MeasurementSet set;
  set.header = items.header();
  std::vector<at::Tensor> measured, truths, masks;
  for (std::size_t i = 0; i < items.ids().size() && !controls.cancelled(); ++i) {
    const MeasurementItem item = items.item(static_cast<std::int64_t>(i));
    set.ids.push_back(item.id);
    measured.push_back(item.y);
    if (item.ground_truth.defined()) truths.push_back(item.ground_truth);
    if (plan.options.mask_per_item) masks.push_back(item.arrays.at("mask"));
  }
  if (measured.empty()) throw data_error("simulate", "no image was read, nothing to write");
  set.y = at::stack(measured);
  if (!truths.empty()) set.ground_truth = at::stack(truths);
  if (!masks.empty()) set.per_item_arrays["mask"] = at::stack(masks);
  return set;
}

MeasurementSet write_simulation(const SimulationPlan& plan, const RunControls& controls) {
  require_writable(plan.output.string(), controls.overwrite);
  MeasurementSet set = simulate(plan, controls);
  write_measurement_file(plan.output.string(), set);
  return set;
}

}  // namespace recon
