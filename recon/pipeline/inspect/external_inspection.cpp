#include "recon/pipeline/inspect/external_inspection.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "data/atomic_file.h"
#include "data/external_dataset.h"
#include "data/hdf5/hdf5_file.h"
#include "recon/config/yaml_options.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

constexpr int max_depth = 16;  // groups may contain themselves
constexpr std::size_t max_listed = 500;

/// A dataset of the file; what cannot be read says why in `fault`.
struct Listed {
  std::string path;
  Shape shape;
  std::string type;
  std::vector<std::string> filters;
  bool numbers = false, complex = false, floats = false;
  std::string fault;
};

Listed listed(const hdf5::Group& group, const std::string& name, const std::string& path) {
  Listed found;
  found.path = path;
  try {
    const hdf5::Dataset dataset = group.dataset(name);
    found.shape = dataset.shape();
    found.type = dataset.type_name();
    found.filters = dataset.filters();
    if (dataset.is_text()) return found;
    const at::ScalarType dtype = dataset.dtype();
    found.numbers = true;
    found.complex = c10::isComplexType(dtype);
    found.floats = c10::isFloatingType(dtype);
    if (found.complex) found.type = dtype == at::kComplexFloat ? "64-bit complex" : "128-bit complex";
  } catch (const Error& error) {
    found.fault = error.what();
  }
  return found;
}

void list_group(const hdf5::Group& group, const std::string& path, int depth, std::vector<Listed>& all) {
  for (const auto& name : group.names()) {
    if (all.size() >= max_listed || depth > max_depth) return;
    const std::string inside = path.empty() ? name : path + "/" + name;
    if (group.is_group(name)) {
      list_group(group.group(name), inside, depth + 1, all);
    } else {
      all.push_back(listed(group, name, inside));
    }
  }
}

std::int64_t entries(const Listed& dataset) {
  std::int64_t count = 1;
  for (const auto extent : dataset.shape) count *= extent;
  return count;
}

/// What the axes of a dataset most likely are; empty when recon cannot tell.
std::vector<std::string> likely_axes(const Listed& dataset) {
  const Shape& shape = dataset.shape;
  const auto channels = [](std::int64_t extent) { return extent == 1 || extent == 3; };
  const bool pairs = dataset.floats && shape.size() >= 3 && shape.back() == 2;
  std::vector<std::string> axes;
  switch (shape.size() - (pairs ? 1 : 0)) {
    case 2:
      axes = {"y", "x"};
      break;
    case 3:
      axes = {"item", "y", "x"};
      break;
    case 4:
      axes = !pairs && channels(shape[3]) && !channels(shape[1])
                 ? std::vector<std::string>{"item", "y", "x", "channel"}
                 : std::vector<std::string>{"item", "channel", "y", "x"};
      break;
    default:
      return {};
  }
  if (pairs) axes.emplace_back("complex");
  return axes;
}

/// The dataset with the most numbers among those that could be measurements.
const Listed* likely_measurements(const std::vector<Listed>& all) {
  const Listed* best = nullptr;
  for (const auto& dataset : all) {
    if (!dataset.numbers || likely_axes(dataset).empty()) continue;
    // Equally many: complex numbers are measured rather than reconstructed.
    if (best == nullptr || std::pair(entries(dataset), dataset.complex) > std::pair(entries(*best), best->complex)) {
      best = &dataset;
    }
  }
  return best;
}

constexpr const char* noise_lines = "estimate_noise: true         # or noise_std: in units of the file\n";
constexpr const char* complex_lines = "complex_image: two_channels  # real and imaginary part by a real prior\n";

/// A config for a file of a format that needs no description.
std::string proposal(const InputFormat& format, const ExternalFile& opened, const std::string& file,
                     const std::string& choice) {
  std::string text =
      fmt::format("input:\n  files: {}  # or a pattern like /data/*.h5, for recon batch\n  format: {}\n{}", file,
                  format.name, choice);
  if (!format.states_operator)
    text += "  operator: {type: identity}   # how they were measured: recon list operators\n";
  if (!opened.noise && !opened.std_map) text += noise_lines;
  if (opened.measurement.scalar == ScalarKind::complex) text += complex_lines;
  return text;
}

std::string quoted_path(const std::string& path) {
  return nlohmann::json(std::filesystem::absolute(path).lexically_normal().string()).dump();
}

/// A config that reads this file; what only its owner knows is a guess with a comment.
std::string proposal(const std::vector<Listed>& all, const std::string& path) {
  const std::string file = quoted_path(path);
  const Listed* best = likely_measurements(all);
  if (best == nullptr) return "";
  const auto axes = likely_axes(*best);
  const bool complex = best->complex || axes.back() == "complex";
  std::string text = fmt::format(
      "input:\n  files: {}  # or a pattern like /data/*.h5, for recon batch\n  format: dataset\n"
      "  dataset: {}\n  axes: [{}]\n",
      file, best->path, fmt::join(axes, ", "));
  if (complex) text += "  scale: auto                  # the brightest point of the file becomes 1\n";
  const bool counts = !complex && !best->floats && best->type.find("unsigned") == std::string::npos;
  if (counts) text += "  scale: 1                     # what one step is worth\n";
  if (!complex)
    text += "  image_range: [0, 1]          # values of black and white; unsigned integers are scaled to [0, 1]\n";
  text +=
      complex
          ? "  operator: {type: fourier, pattern: full}   # how they were measured; mask: {dataset: NAME} of the file\n"
          : "  operator: {type: identity}   # how they were measured: recon list operators\n";
  text += noise_lines;
  if (complex) text += complex_lines;
  return text;
}

std::vector<Listed> all_datasets(const std::string& path) {
  std::vector<Listed> all;
  if (hdf5::File::looks_like_hdf5(path)) list_group(hdf5::File::open(path), "", 0, all);
  return all;
}

/// The file with the format's defaults; of several things in it the first that can be measurements, which `choice`
/// says.
ExternalFile opened_by_itself(const InputFormat& format, const std::string& path, ordered_json& found,
                              std::string& choice) {
  std::vector<std::pair<std::string, std::string>> contents;
  if (format.contents) contents = format.contents(path);
  for (const auto& [name, text] : contents) found["contents"][name] = text;
  const auto opened = [&](const std::string& options) {
    YamlOptions read(parse_yaml(options, {.name = path, .folder = {}, .with_lines = false}), "input");
    return format.make(read)(path, StoredNumbers{});
  };
  for (const auto& [name, text] : contents) {
    if (contents.size() == 1) break;
    try {
      const std::string option = format.choice + ": " + nlohmann::json(name).dump();
      ExternalFile file = opened("{" + option + "}");
      choice = fmt::format("  {}  # of {} that `recon inspect` lists\n", option, contents.size());
      return file;
    } catch (const Error&) {
      // Then it is another one; if it is none, the attempt without a choice says why.
    }
  }
  return opened("{}");
}

/// What a file of a known format holds; of one that cannot be opened, why not.
void describe(const InputFormat& format, const std::string& path, ordered_json& found) {
  found["format"] = format.name;
  try {
    std::string choice;  // a line of the config
    const ExternalFile opened = opened_by_itself(format, path, found, choice);
    found["items"] = opened.count;
    found["measurement"] = opened.measurement.to_string();
    found["ground_truth"] = static_cast<bool>(opened.truth);
    if (!opened.operator_config.empty()) found["operator"] = opened.operator_config;
    if (opened.noise) found["noise"] = to_string(opened.noise->type);
    if (opened.std_map) found["noise"] = "a level for every entry";
    for (const auto& [name, value] : opened.facts) found[name] = value;
    found["config"] = proposal(format, opened, quoted_path(path), choice);
  } catch (const Error& error) {
    found["fault"] = error.what();
  }
}

}  // namespace

Inspection inspect_external(const std::string& path) {
  const auto all = all_datasets(path);
  Inspection inspection;
  inspection.found = {{"kind", "external"}, {"path", path}, {"datasets", ordered_json::object()}};
  for (const auto& dataset : all) {
    std::string text = dataset.type + " " + to_string(dataset.shape);
    for (const auto& filter : dataset.filters) text += ", " + filter;
    inspection.found["datasets"][dataset.path] = dataset.fault.empty() ? text : dataset.fault;
  }
  if (all.empty()) inspection.found.erase("datasets");
  if (const InputFormat* format = recognised_format(path)) {
    describe(*format, path, inspection.found);
  } else if (const std::string config = proposal(all, path); !config.empty()) {
    inspection.found["config"] = config;
  }
  return inspection;
}

void write_proposed_config(const Inspection& inspection, const std::string& target, const std::string& path) {
  if (inspection.found.at("kind") != "external") {
    throw usage_error("--config", "'{}' needs none: recon knows this kind of file ({})", target,
                      inspection.found.at("kind").get<std::string>());
  }
  if (!inspection.found.contains("config")) {
    throw data_error(target, "expected a dataset of numbers with 2 to 4 axes to propose a config for, there is none");
  }
  if (std::filesystem::exists(path)) throw usage_error(path, "is there already; choose another name");
  write_file_atomically(path, inspection.found.at("config").get<std::string>());
}

}  // namespace recon
