#pragma once

#include <string>
#include <vector>

#include "recon/pipeline/compare/comparison.h"
#include "recon/report/line_plot.h"

namespace recon {

/// What a figure costs: one curve for each type of solver that was compared with several settings, one point for each
/// setting. A point is the mean over tasks and items; settings that did not do all of them are left out, for their
/// means are of other items.
struct QualityPlot {
  std::string figure, cost;  ///< keys: "psnr" or "crps"; "passes" or "seconds"
  std::string title, x_label;
  std::vector<Curve> curves;
};

/// PSNR and CRPS against network passes, forward and backward ones of all samples together, and against seconds per
/// item. Solvers without a prior are points of the plots against seconds. None where no type was compared with two
/// settings.
std::vector<QualityPlot> quality_plots(const ComparisonResult& result);

/// As SVG, on a logarithmic axis of cost.
std::string svg_of(const QualityPlot& plot);

}  // namespace recon
