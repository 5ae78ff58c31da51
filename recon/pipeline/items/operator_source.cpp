#include "recon/pipeline/items/operator_source.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/array_file.h"
#include "data/fits_file.h"
#include "data/hdf5/hdf5_file.h"
#include "data/image_io.h"
#include "operators/mri/coil_estimation.h"
#include "operators/registry.h"
#include "recon/config/yaml_scalars.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// What `{file: ..., dataset: ...}` says; other keys are refused.
struct ArrayReference {
  std::string file, dataset;
};

ArrayReference reference_of(const YamlNode& node, const std::string& option) {
  ArrayReference reference;
  for (const auto& entry : node.entries) {
    if (entry.key == "file") {
      reference.file = (node.folder / text_of(*entry.value, "file")).lexically_normal().string();
    } else if (entry.key == "dataset" || entry.key == "variable") {  // HDF5's word and MATLAB's
      reference.dataset = text_of(*entry.value, entry.key);
    } else {
      throw usage_error(entry.location, "{}: expected `file` and `dataset` or `variable`, found '{}'", option,
                        entry.key);
    }
  }
  return reference;
}

at::Tensor read_array(ArrayReference reference, const YamlNode& node, const std::string& option,
                      const std::string& this_file) {
  if (reference.file.empty() && !reference.dataset.empty()) reference.file = this_file;
  if (reference.file.empty()) {
    throw usage_error(node.location,
                      "{}: expected {{file: PATH}}; a dataset alone can only be named inside a measurement file",
                      option);
  }
  if (is_fits(reference.file)) return read_fits_image(reference.file, reference.dataset).values;
  if (is_array_file(reference.file)) return read_array_file(reference.file, reference.dataset).scaled();
  if (!reference.dataset.empty()) return hdf5::File::open(reference.file).dataset(reference.dataset).read();
  if (!is_image_name(reference.file)) {
    throw usage_error(node.location,
                      "{}: '{}' is no picture, FITS, NumPy or MATLAB file; for an HDF5 file add `dataset: NAME`",
                      option, reference.file);
  }
  const at::Tensor image = read_image(reference.file, {.channels = ChannelRule::gray, .alpha = AlphaRule::drop});
  return image[0];
}

/// What `coil_maps: espirit` and the like stand for in the data of an item.
at::Tensor estimated_array(const YamlNode& node, const std::string& option,
                           const std::function<at::Tensor()>& measurement, const std::string& place) {
  const auto method = find_word<CoilMethod>(node.text);
  if (option != "coil_maps" || !method) {
    throw usage_error(node.location, "{}: expected a list of numbers, {{file: PATH}} or {{dataset: NAME}}, found {}",
                      option, node.description());
  }
  if (!measurement) {
    throw usage_error(node.location,
                      "coil_maps: '{}' needs measured data, here are none; give maps, or `coils` for "
                      "simulated ones",
                      node.text);
  }
  CoilEstimation estimation;
  estimation.method = *method;
  return estimation.maps(measurement(), place);
}

/// The checking pass looks at the options, the reading one builds.
OperatorPtr checked_operator(YamlOptions& options, const TensorSpec& image) {
  if (options.reading()) return make_operator(options, image);
  std::string type;
  options.field("type", type, "the kind of operator");
  if (!type.empty()) operator_kinds().find(type, options.location_of("type")).visit(options);
  return nullptr;
}

}  // namespace

BuiltOperator build_operator(const YamlNodePtr& node, const std::string& section, const TensorSpec& image,
                             const std::string& this_file) {
  BuiltOperator built;
  const ArraySource arrays = [&](const YamlNode& array, const std::string& option) {
    if (array.kind == YamlNode::Kind::scalar) return LoadedArray{estimated_array(array, option, {}, section), {}};
    std::string name = option;  // the same option of several parts: mask, mask_2, ...
    for (int i = 2; built.arrays.contains(name); ++i) name = option + "_" + std::to_string(i);
    const at::Tensor value = read_array(reference_of(array, option), array, option, this_file);
    built.arrays[name] = value;
    return LoadedArray{value, {{"dataset", name}}};
  };
  const YamlOptions read =
      checked_read(node, section, arrays, [&](YamlOptions& options) { built.op = checked_operator(options, image); });
  built.config = read.resolved();
  return built;
}

LoadedArray file_array(const YamlNode& node, const std::string& option) {
  if (node.kind == YamlNode::Kind::scalar) {
    const double number = number_of(node, option);
    return {at::scalar_tensor(number, at::kDouble), number};
  }
  return {read_array(reference_of(node, option), node, option, {}), as_json(node)};
}

StoredOperator build_stored_operator(const std::string& config, const std::map<std::string, at::Tensor>& arrays,
                                     const TensorSpec& image, const std::string& place,
                                     const std::function<at::Tensor()>& measurement) {
  StoredOperator stored;
  const ArraySource source = [&](const YamlNode& array, const std::string& option) {
    const bool word = array.kind == YamlNode::Kind::scalar;
    if (word && !arrays.contains(array.text)) {
      stored.estimated = true;
      return LoadedArray{estimated_array(array, option, measurement, place), array.text};
    }
    const ArrayReference reference = word ? ArrayReference{{}, array.text} : reference_of(array, option);
    const auto found = arrays.find(reference.dataset);
    if (!reference.file.empty() || found == arrays.end()) {
      throw usage_error(array.location, "{}: there is no dataset '{}' in /operator", option, reference.dataset);
    }
    return LoadedArray{found->second, {{"dataset", reference.dataset}}};
  };
  try {
    const YamlNodePtr node = parse_yaml(config, {.name = place + " /operator config", .folder = {}});
    checked_read(node, "operator", source, [&](YamlOptions& options) { stored.op = checked_operator(options, image); });
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::usage) throw;
    throw Error(ErrorKind::data, "", error.what());  // the text came from a file, not from the user's command
  }
  return stored;
}

}  // namespace recon
