#pragma once

#include <cstddef>
#include <string>

#include "recon/pipeline/inspect/inspection.h"

namespace recon {

/// A result file: solver, figures per item, provenance. Of more than `shown` items figures are summarised.
Inspection inspect_result(const std::string& path, std::size_t shown);

/// A samples file: shape, sampler, moments of the values, provenance.
Inspection inspect_samples(const std::string& path);

/// A calibration: what it promises and the conditions under which it does.
Inspection inspect_calibration(const std::string& path);

}  // namespace recon
