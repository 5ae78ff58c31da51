#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <string>

#include "operators/operator.h"
#include "recon/config/yaml_options.h"

namespace recon {

/// An operator built from a config, with what a measurement file has to store to build it again.
struct BuiltOperator {
  OperatorPtr op;
  nlohmann::ordered_json config;             ///< every option resolved; arrays as {dataset: NAME}
  std::map<std::string, at::Tensor> arrays;  ///< by those names
};

/// Builds the operator of a config section. Arrays may be given as {file: PATH}: a picture, grey; a FITS, NumPy or
/// MATLAB file; or with `dataset: NAME` (or `variable: NAME`) beside it one of an HDF5, .npz or MATLAB file, or an
/// image of a FITS file; relative paths as YamlNode::folder says. {dataset: NAME} alone is one of `this_file`, where
/// there is such a file. Throws Error(usage) with file:line for the config's faults, Error(data) for the files'.
BuiltOperator build_operator(const YamlNodePtr& node, const std::string& section, const TensorSpec& image,
                             const std::string& this_file = {});

/// Arrays of a config's section that are not an operator's: {file: PATH}, as above, or a single number.
LoadedArray file_array(const YamlNode& node, const std::string& option);

struct StoredOperator {
  OperatorPtr op;
  bool estimated = false;  ///< parts of it were estimated from the measurement: it is this item's own
};

/// Builds the operator that a measurement file describes: its text, with {dataset: NAME}, or NAME alone, taken from
/// `arrays`. A method in place of coil maps (`coil_maps: espirit`; operators/mri/coil_estimation.h) is applied to the
/// item's `measurement` [range...], which is asked for only then. `place` is the file's name; faults are Error(data).
StoredOperator build_stored_operator(const std::string& config, const std::map<std::string, at::Tensor>& arrays,
                                     const TensorSpec& image, const std::string& place,
                                     const std::function<at::Tensor()>& measurement);

}  // namespace recon
