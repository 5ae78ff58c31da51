#pragma once

#include <string>

#include "recon/pipeline/inspect/inspection.h"

namespace recon {

/// A result file: solver, figures per item, provenance.
Inspection inspect_result(const std::string& path);

/// A samples file: shape, sampler, moments of the values, provenance.
Inspection inspect_samples(const std::string& path);

}  // namespace recon
