#include "recon/pipeline/items/input_plan.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "recon/config/yaml_options.h"
#include "recon/config/yaml_scalars.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/noise_section.h"
#include "recon/pipeline/items/operator_source.h"

namespace recon {
namespace {

/// A whole text as a number.
template <class Number>
std::optional<Number> parse(const std::string& text) {
  Number value{};
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

SliceRange slices_of(const std::string& text, const std::string& place) {
  SliceRange range;
  if (text.empty()) return range;
  const auto colon = text.find(':');
  const auto end_of = [&](const std::string& part) {
    const auto value = parse<std::int64_t>(part);
    if (!value)
      throw usage_error(place, "expected FIRST:END like 10:20, :5 or -3: (END is left out), found '{}'", text);
    return *value;
  };
  if (colon == std::string::npos) end_of("");
  if (colon > 0) range.first = end_of(text.substr(0, colon));
  if (colon + 1 < text.size()) range.last = end_of(text.substr(colon + 1));
  return range;
}

void read_scale(InputPlan& plan, const std::string& place) {
  const std::string& text = plan.options.scale;
  plan.brightest_is_one = text == "auto";
  if (text.empty() || plan.brightest_is_one) return;
  plan.scale = parse<double>(text);
  if (!plan.scale || !std::isfinite(*plan.scale) || *plan.scale == 0) {
    throw usage_error(place, "expected a number other than 0, or auto; found '{}'", text);
  }
}

bool whole_numbers(const std::vector<double>& values, std::size_t count, double min) {
  return values.size() == count && std::all_of(values.begin(), values.end(), [&](double value) {
           return value >= min && value == std::floor(value) && value < 0x1p31;
         });
}

/// Keys that have no meaning for a format, and why.
struct Misplaced {
  std::vector<std::string> keys;
  const char* why;
};

std::vector<Misplaced> misplaced_for(const std::string& format) {
  std::vector<Misplaced> misplaced;
  if (format == "measurement") {
    misplaced.push_back({{"offset", "scale", "slices", "image_range", "operator", "noise"},
                         "a measurement file says this itself; for others set `format`"});
  }
  if (format != "dataset") {
    misplaced.push_back({{"dataset", "axes", "ground_truth", "image_shape"}, "belongs to `format: dataset`"});
  }
  if (format == "fastmri") misplaced.push_back({{"offset"}, "belongs to `format: dataset`"});
  if (format != "fastmri") misplaced.push_back({{"crop"}, "belongs to `format: fastmri`"});
  return misplaced;
}

void require_sound(const YamlOptions& options, const InputOptions& values) {
  for (const auto& [keys, why] : misplaced_for(values.format)) {
    for (const auto& key : keys) {
      if (options.given(key.c_str())) throw usage_error(options.location_of(key.c_str()), "{}", why);
    }
  }
  const auto& range = values.image_range;
  if (range.size() != 2 || !(range[0] < range[1])) {
    throw usage_error(options.location_of("image_range"), "expected [low, high] with low < high");
  }
  if (!values.image_shape.empty() && !whole_numbers(values.image_shape, 3, 1)) {
    throw usage_error(options.location_of("image_shape"), "expected [C, H, W], whole numbers from 1 on");
  }
  if (!values.crop.empty() && !whole_numbers(values.crop, 2, 0)) {
    throw usage_error(options.location_of("crop"), "expected [Y, X], whole numbers; 0: as it is");
  }
  if (values.format != "dataset") return;
  if (values.dataset.empty()) {
    throw usage_error(options.location(),
                      "`dataset` is missing: its path in the file; `recon inspect FILE` lists them");
  }
  if (!options.given("operator")) {
    throw usage_error(options.location(),
                      "`operator` is missing: how were these data measured? (`recon list operators`)");
  }
}

std::string name_of(const YamlNode& files) {
  const YamlNode& first = files.items.empty() ? files : *files.items.front();
  return std::filesystem::path(first.text).stem().string();
}

void read_section(YamlOptions& options, InputPlan& plan) {
  plan.options.visit(options);
  plan.noise = read_noise(options, "that of the stored numbers", plan.background);
  const auto operators = options.nodes("operator");
  const auto simulations = options.nodes("simulate");
  const YamlNodePtr files = options.node("files");
  options.finish();
  if (operators.size() > 1) throw usage_error(options.location_of("operator"), "expected one operator; compose them");
  if (simulations.size() + (files == nullptr ? 0U : 1U) != 1) {
    throw usage_error(options.location(),
                      "expected either `files` or one section `simulate` (images, operator, noise)");
  }
  if (!simulations.empty()) {
    nlohmann::ordered_json resolved;
    plan.simulation = read_simulation_section(simulations.front(), "input.simulate", resolved);
    plan.resolved = {{"simulate", resolved}};
    return;
  }
  require_sound(options, plan.options);
  if (!operators.empty()) {
    plan.op = operators.front();
    options.set_resolved("operator", as_json(*plan.op));
  }
  plan.slices = slices_of(plan.options.slices, options.location_of("slices"));
  read_scale(plan, options.location_of("scale"));
  plan.resolved = options.resolved();
  for (const auto& [keys, why] : misplaced_for(plan.options.format)) {
    for (const auto& key : keys) plan.resolved.erase(key);
  }
}

}  // namespace

void InputOptions::visit(ParameterVisitor& v) {
  v.field("files", files, "HDF5 files, or patterns like week/*.h5; start at the config's folder");
  v.choice("format", format, {"measurement", "dataset", "fastmri"},
           "recon's own files (data/FORMAT.md), a dataset of any HDF5 file, or single-coil fastMRI volumes");
  v.field("dataset", dataset, "dataset: path of the measurements in the file; `recon inspect FILE` lists them");
  v.field("axes", axes, "dataset: what its axes are, of item, channel, y, x, complex; default: [item, channel,] y, x");
  v.field("offset", offset, "taken from the stored numbers, then");
  v.field("scale", scale,
          "they are multiplied by this; auto: so that the brightest point of a file is the upper end of image_range; "
          "default: auto for fastmri, unsigned integers divided by full scale, others as they are");
  v.field("slices", slices, "items of every file as FIRST:END, e.g. 10:20, :5, -3:; default: all");
  v.field("crop", crop, "fastmri: [Y, X] of the images, 0: as it is; default: that of the reconstruction");
  v.field("ground_truth", ground_truth, "dataset: path of the true images, laid out and scaled like the measurements");
  v.field("image_shape", image_shape, "dataset: [C, H, W] of the image to be found; default: that of a measurement");
  v.field("image_range", image_range, "[low, high]: values of black and white in the image to be found");
}

std::vector<std::int64_t> SliceRange::of(std::int64_t count) const {
  const auto end = [&](std::int64_t value) {
    return std::clamp<std::int64_t>(value < 0 ? value + count : value, 0, count);
  };
  std::vector<std::int64_t> indices;
  for (std::int64_t i = end(first); i < end(last.value_or(count)); ++i) indices.push_back(i);
  return indices;
}

InputPlan read_input_plan(const YamlNodePtr& input) {
  InputPlan plan;
  plan.location = input->location;
  if (input->kind != YamlNode::Kind::mapping) {
    plan.files = input;
    plan.name = name_of(*input);
    plan.resolved = as_json(*input);
    return plan;
  }
  YamlOptions options(input, "input", YamlOptions::Mode::read, file_array);
  read_section(options, plan);
  plan.files = options.node("files");
  plan.name = plan.files == nullptr ? "simulated" : name_of(*plan.files);
  return plan;
}

std::vector<InputFile> InputPlan::find_files() const {
  return files == nullptr ? std::vector<InputFile>() : input_files(*files, "input");
}

}  // namespace recon
