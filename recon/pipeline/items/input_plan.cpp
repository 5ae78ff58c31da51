#include "recon/pipeline/items/input_plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <set>

#include "recon/config/option_lister.h"
#include "recon/config/yaml_options.h"
#include "recon/config/yaml_scalars.h"
#include "recon/core/error.h"
#include "recon/core/nearest.h"
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

void read_numbers(InputPlan& plan, const std::string& place) {
  plan.numbers.offset = plan.options.offset;
  const std::string& text = plan.options.scale;
  plan.brightest_is_one = text == "auto";
  if (text.empty() || plan.brightest_is_one) return;
  const auto scale = parse<double>(text);
  if (!scale || !std::isfinite(*scale) || *scale == 0) {
    throw usage_error(place, "expected a number other than 0, or auto; found '{}'", text);
  }
  plan.numbers.scale = scale;
}

constexpr std::array external_keys = {"offset", "scale", "slices", "image_range", "noise"};

void refuse_external_keys(const YamlOptions& options) {
  for (const char* key : external_keys) {
    if (options.given(key)) {
      throw usage_error(options.location_of(key), "a measurement file says this itself; for others set `format`");
    }
  }
}

std::set<std::string> option_names(const InputFormat& format) {
  OptionLister lister;
  format.visit(lister);
  std::set<std::string> names;
  for (const auto& option : lister.options()) names.insert(option["name"].get<std::string>());
  return names;
}

/// Options of another format than the chosen one.
void refuse_misplaced(const YamlOptions& options, const InputFormat* chosen) {
  const auto own = chosen == nullptr ? std::set<std::string>() : option_names(*chosen);
  for (const InputFormat& format : input_formats()) {
    for (const auto& name : option_names(format)) {
      if (options.given(name.c_str()) && !own.contains(name)) {
        const auto meant = nearest(name, {own.begin(), own.end()});
        throw usage_error(options.location_of(name.c_str()), "belongs to `format: {}`{}", format.name,
                          meant ? "; did you mean '" + *meant + "'?" : "");
      }
    }
  }
}

void require_sound(const YamlOptions& options, const InputPlan& plan) {
  if (plan.format == nullptr) refuse_external_keys(options);
  const auto& range = plan.options.image_range;
  if (range.size() != 2 || !(range[0] < range[1])) {
    throw usage_error(options.location_of("image_range"), "expected [low, high] with low < high");
  }
  if (plan.format != nullptr && !plan.format->states_operator && !options.given("operator")) {
    throw usage_error(options.location(),
                      "`operator` is missing: how were these data measured? For example {{type: blur, std_px: 2}}, "
                      "{{type: super_resolution, factor: 2}} or {{type: identity}} for noise alone (`recon list "
                      "operators`)");
  }
}

/// A camera's offset is that of the stored numbers.
void take_offset_of_camera(InputPlan& plan, const YamlOptions& options) {
  if (options.given("offset")) {
    throw usage_error(options.location_of("offset"), "a camera's offset is its `offset_adu`; leave this one out");
  }
  plan.numbers.offset = plan.camera->offset_adu;
}

/// The section without an `image_range` that is one itself, which becomes the plan's.
YamlNodePtr without_measured_range(const YamlNodePtr& input, InputPlan& plan) {
  const YamlEntry* entry = input->find("image_range");
  if (entry == nullptr || entry->value->kind != YamlNode::Kind::mapping) return input;
  YamlOptions range(entry->value, "input.image_range");
  plan.measured_range.emplace().visit(range);
  range.finish();
  auto rest = std::make_shared<YamlNode>(*input);
  std::erase_if(rest->entries, [](const YamlEntry& one) { return one.key == "image_range"; });
  return rest;
}

std::string name_of(const YamlNode& files) {
  const YamlNode& first = files.items.empty() ? files : *files.items.front();
  return std::filesystem::path(first.text).stem().string();
}

void read_section(YamlOptions& options, InputPlan& plan) {
  plan.options.visit(options);
  if (plan.options.format != "auto" && plan.options.format != "measurement") {
    plan.format = &input_formats().find(plan.options.format, options.location_of("format"));
  }
  refuse_misplaced(options, plan.format);
  if (plan.format != nullptr) plan.open = plan.format->make(options);
  const NoiseSection noise = read_noise(options, "that of the stored numbers");
  plan.noise = noise.noise;
  plan.background = noise.background;
  plan.std_map = noise.std_map;
  plan.camera = noise.camera;
  plan.correlation = noise.correlation;
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
  require_sound(options, plan);
  if (!operators.empty()) {
    plan.op = operators.front();
    options.set_resolved("operator", as_json(*plan.op));
  }
  plan.range_given = options.given("image_range");
  plan.slices = slices_of(plan.options.slices, options.location_of("slices"));
  read_numbers(plan, options.location_of("scale"));
  if (plan.camera) take_offset_of_camera(plan, options);
  plan.resolved = options.resolved();
  if (!plan.range_given) plan.resolved.erase("image_range");  // a file may say another one than the default
  if (plan.format == nullptr) {
    for (const char* key : external_keys) plan.resolved.erase(key);
  }
}

}  // namespace

void InputOptions::visit(ParameterVisitor& v) {
  v.field("files", files, "files, or patterns like week/*.h5; start at the config's folder");
  std::vector<std::string> formats = input_formats().names();
  formats.insert(formats.begin(), {"auto", "measurement"});
  v.choice("format", format, formats,
           "measurement: recon's own (data/FORMAT.md); auto: what recognises the file, else measurement; `recon list "
           "formats` shows the options of the others");
  v.field("offset", offset, "taken from the stored numbers before they are multiplied by `scale`");
  v.field("scale", scale,
          "the stored numbers are multiplied by this; auto: so that the brightest point of a file is the upper end of "
          "image_range; default: auto for fastmri, unsigned integers divided by full scale, others as they are");
  v.field("slices", slices, "items of every file as FIRST:END, e.g. 10:20, :5, -3:; default: all");
  v.field(
      "image_range", image_range,
      "[low, high]: values of black and white in the image to be found, or {from: adjoint, quantile: 0.99}: measured "
      "on the data of each item; default: what the file says, or [0, 1]");
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
  const YamlNodePtr section = without_measured_range(input, plan);
  YamlOptions options(section, "input", YamlOptions::Mode::read, file_array);
  read_section(options, plan);
  if (plan.measured_range) {
    plan.resolved["image_range"] = {{"from", to_string(plan.measured_range->from)},
                                    {"quantile", plan.measured_range->quantile}};
  }
  plan.files = options.node("files");
  plan.name = plan.files == nullptr ? "simulated" : name_of(*plan.files);
  return plan;
}

std::optional<Noise> InputPlan::noise_of(const ExternalFile& file) const {
  if (!camera) return noise;
  return camera->in_units_of(numbers.scale.value_or(1 / file.full_scale));
}

const InputFormat* InputPlan::format_of(const std::string& path) const {
  return options.format == "auto" ? recognised_format(path) : format;
}

std::vector<InputFile> InputPlan::find_files() const {
  return files == nullptr ? std::vector<InputFile>() : input_files(*files, "input");
}

}  // namespace recon
