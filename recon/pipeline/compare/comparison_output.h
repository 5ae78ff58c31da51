#pragma once

#include "recon/pipeline/compare/comparison.h"
#include "recon/pipeline/compare/comparison_report.h"

namespace recon {

/// Where the plan's three files go. Makes the folder and tries to write there, before hours of computing; throws
/// Error(data) when that cannot be.
ComparisonFiles comparison_files(const ComparisonPlan& plan);

/// Writes them; `device` is that of the run.
void write_comparison(const ComparisonPlan& plan, const ComparisonReport& report, const ComparisonResult& result,
                      c10::Device device);

}  // namespace recon
