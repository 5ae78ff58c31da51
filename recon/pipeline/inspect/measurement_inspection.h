#pragma once

#include <string>

#include "recon/config/config.h"
#include "recon/core/tensor_spec.h"
#include "recon/pipeline/inspect/inspection.h"

namespace recon {

/// A measurement file: shapes, operator, noise, ids. With `check`: the operator's diagnostics, all values finite and,
/// where there is ground truth, chi² of the truth (1 when noise level and operator are what the file says); and the
/// noise level that the first item's data show by themselves (recon/metrics/noise_level.h).
Inspection inspect_measurement(const std::string& path, bool check);

/// An operator section for images of a spec. With `check`: its diagnostics.
Inspection inspect_operator(const YamlNodePtr& node, const TensorSpec& image, bool check);

}  // namespace recon
