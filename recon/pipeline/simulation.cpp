#include "recon/pipeline/simulation.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/image_source.h"
#include "data/phantom.h"
#include "recon/config/option_lister.h"
#include "recon/config/yaml_options.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/pipeline/operator_source.h"
#include "recon/pipeline/version.h"

namespace recon {
namespace {

ImageReadOptions read_options(const SimulationOptions& options) {
  ImageReadOptions read;
  if (options.channels == "gray") read.channels = ChannelRule::gray;
  if (options.channels == "rgb") read.channels = ChannelRule::rgb;
  return read;
}

/// Cuts out the wanted part and averages blocks of pixels.
at::Tensor trimmed(at::Tensor image, const SimulationPlan& plan, const std::string& id) {
  const auto& options = plan.options;
  if (!options.crop.empty()) {
    const auto extent = [&](std::size_t i) { return static_cast<std::int64_t>(std::llround(options.crop[i])); };
    if (extent(0) < 0 || extent(1) < 0 || extent(2) < 1 || extent(3) < 1 || extent(0) + extent(2) > image.size(1) ||
        extent(1) + extent(3) > image.size(2)) {
      throw usage_error(plan.place, "crop [{}, {}, {}, {}] does not lie in image '{}' of {} x {} pixels", extent(0),
                        extent(1), extent(2), extent(3), id, image.size(1), image.size(2));
    }
    image = image.narrow(1, extent(0), extent(2)).narrow(2, extent(1), extent(3));
  }
  if (options.shrink > 1) {
    const std::int64_t height = image.size(1) / options.shrink, width = image.size(2) / options.shrink;
    if (height < 1 || width < 1) throw usage_error(plan.place, "shrink {} leaves nothing of '{}'", options.shrink, id);
    image = image.narrow(1, 0, height * options.shrink).narrow(2, 0, width * options.shrink);
    image = image.reshape({image.size(0), height, options.shrink, width, options.shrink}).mean({2, 4});
  }
  return image.to(image.is_complex() ? at::kComplexFloat : at::kFloat).contiguous();
}

void warn_outside(const at::Tensor& image, const ImageRange& range, const std::string& id) {
  if (image.is_complex()) return;
  const auto outside = (image < range.low).logical_or(image > range.high).sum().item<std::int64_t>();
  if (outside > 0) {
    log::warn("image {}: {} of {} values lie outside image_range [{:g}, {:g}]; they are kept", id, outside,
              image.numel(), range.low, range.high);
  }
}

std::string unique_id(const std::vector<std::string>& taken, const std::string& wanted) {
  std::string id = wanted;
  for (int i = 2; std::find(taken.begin(), taken.end(), id) != taken.end(); ++i) {
    id = wanted + "_" + std::to_string(i);
  }
  return id;
}

/// Images come in one by one; the first one decides the shape and with it the operator.
class Simulator {
 public:
  Simulator(const SimulationPlan& plan, std::uint64_t seed) : plan_(plan), rng_(seed, "measurement noise") {
    set_.header.range = {plan.options.image_range[0], plan.options.image_range[1]};
  }

  void add(const at::Tensor& raw, const std::string& wanted_id) {
    const std::string id = unique_id(set_.ids, wanted_id);
    const at::Tensor image = trimmed(raw, plan_, id).unsqueeze(0);
    if (built_.op == nullptr) {
      set_.header.image = spec_of_item(image);
      built_ = build_operator(plan_.op, "operator", set_.header.image);
    }
    if (spec_of_item(image) != set_.header.image) {
      throw data_error(id, "expected {} like the images before, found {}; use `crop` or separate files",
                       set_.header.image.to_string(), spec_of_item(image).to_string());
    }
    warn_outside(image, set_.header.range, id);
    const at::Tensor clean = built_.op->apply(image);
    measured_.push_back(plan_.noise.simulate(clean, rng_, {{stable_hash(id), 0}}, built_.op->support()));
    if (plan_.options.keep_truth) truths_.push_back(image);
    set_.ids.push_back(id);
  }

  MeasurementSet finish() {
    if (measured_.empty()) throw data_error("simulate", "no image was read, nothing to write");
    set_.y = at::cat(measured_);
    if (!truths_.empty()) set_.ground_truth = at::cat(truths_);
    set_.header.operator_config = to_yaml(built_.config);
    set_.header.operator_arrays = built_.arrays;
    set_.header.noise = {.type = to_string(plan_.noise.type), .std = plan_.noise.std, .peak = plan_.noise.peak};
    set_.header.provenance = plan_.options.provenance.empty()
                                 ? fmt::format("recon {} simulate, seed {}", program_version, rng_.seed())
                                 : plan_.options.provenance;
    return std::move(set_);
  }

 private:
  const SimulationPlan& plan_;
  Rng rng_;
  MeasurementSet set_;
  BuiltOperator built_;
  std::vector<at::Tensor> measured_, truths_;
};

SimulationPlan plan_from(YamlOptions& options) {
  SimulationPlan plan;
  plan.options.visit(options);
  NoiseOptions noise;
  for (const auto& section : options.sections("noise", "what is added")) noise.visit(*section);
  const auto operators = options.nodes("operator");
  options.finish();
  plan.place = options.place();
  if (plan.options.images.empty()) throw usage_error(plan.place, "`images` is missing: what is to be measured?");
  if (operators.size() != 1) throw usage_error(plan.place, "`operator` is missing: how is it measured?");
  const auto& range = plan.options.image_range;
  if (range.size() != 2 || !(range[0] < range[1])) {
    throw usage_error(options.place_of("image_range"), "expected [low, high] with low < high");
  }
  if (!plan.options.crop.empty() && plan.options.crop.size() != 4) {
    throw usage_error(options.place_of("crop"), "expected [top, left, height, width]");
  }
  for (const auto& text : plan.options.images) {
    plan.images.push_back(phantom_size(text) ? text : options.path_of("images", text).string());
  }
  plan.noise = noise.noise();
  plan.op = operators.front();
  plan.output = plan.options.output;
  return plan;
}

}  // namespace

void SimulationOptions::visit(ParameterVisitor& v) {
  v.field("images", images,
          "image files, folders, FILE.h5:/dataset (start at the config's folder), phantom:shepp_logan:SIZE");
  v.choice("channels", channels, {"as_stored", "gray", "rgb"}, "turn pictures into grey or colour ones");
  v.field("crop", crop, "[top, left, height, width] in pixels");
  v.field("shrink", shrink, "average blocks of so many pixels a side, after the crop", {.min = 1, .max = 4096});
  v.field("image_range", image_range, "[low, high]: values of black and white; 8 and 16 bit pictures have [0, 1]");
  v.field("output", output, "measurement file to write (HDF5); starts at the working directory");
  v.field("keep_truth", keep_truth, "store the images as ground truth");
  v.field("seed", seed, "seed of the noise", {.min = 0});
  v.field("provenance", provenance, "free text that is stored: what the images are, their licence");
}

void NoiseOptions::visit(ParameterVisitor& v) {
  v.choice("type", type, {"gaussian", "poisson", "poisson_gaussian", "none"}, "kind of noise");
  v.field("std", std, "gaussian: standard deviation per real component; poisson_gaussian: read noise", {.min = 0});
  v.field("peak", peak, "poisson, poisson_gaussian: photons at intensity 1", {.min = 0, .open_min = true});
}

Noise NoiseOptions::noise() const {
  Noise noise{.type = noise_type_from(type), .std = {}, .peak = 0};
  if (noise.has_std()) noise.std = {std};
  if (noise.counts_photons()) noise.peak = peak;
  return noise;
}

SimulationPlan read_simulation_plan(const Config& config) {
  YamlOptions options(config.root(), "");
  return plan_from(options);
}

SimulationPlan read_simulation_section(const YamlNodePtr& node, const std::string& section,
                                       nlohmann::ordered_json& resolved) {
  YamlOptions options(node, section);
  if (options.given("output")) {
    throw usage_error(options.place_of("output"), "the measurements stay in memory; `recon simulate` writes files");
  }
  SimulationPlan plan = plan_from(options);
  resolved = options.resolved();
  resolved.erase("output");
  return plan;
}

MeasurementSet simulate(const SimulationPlan& plan, std::uint64_t seed, const std::function<bool()>& cancelled) {
  Simulator simulator(plan, seed);
  for (const auto& text : plan.images) {
    const ImageSource source = ImageSource::open(text, read_options(plan.options));
    for (std::int64_t i = 0; i < source.count() && !cancelled(); ++i) {
      simulator.add(source.image(i), source.ids()[static_cast<std::size_t>(i)]);
    }
  }
  return simulator.finish();
}

}  // namespace recon
