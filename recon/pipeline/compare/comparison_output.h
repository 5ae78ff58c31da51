#pragma once

#include "recon/pipeline/compare/comparison.h"
#include "recon/pipeline/compare/comparison_report.h"

namespace recon {

/// Where the plan's three files go. Makes the folder and tries to write there, before hours of computing. Throws
/// Error(data) when that cannot be, Error(usage) for files that are there and are not to be replaced.
ComparisonFiles comparison_files(const ComparisonPlan& plan, bool overwrite);

/// Writes them; `device` is that of the run.
void write_comparison(const ComparisonPlan& plan, const ComparisonReport& report, const ComparisonResult& result,
                      c10::Device device);

}  // namespace recon
