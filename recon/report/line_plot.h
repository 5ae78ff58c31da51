#pragma once

#include <string>
#include <vector>

namespace recon {

/// One line of a plot.
struct Curve {
  std::string label;
  std::vector<double> x, y;  ///< points that are not finite (or, on a logarithmic axis, not positive) are left out
};

struct PlotOptions {
  std::string title, x_label, y_label;
  bool log_x = false, log_y = false;
};

/// A line plot as a self-contained SVG document: axes with ticks at round numbers, a legend, no script and no outside
/// resource. Curves need not share their x. Throws Error(internal) when no curve has a point to draw.
std::string line_plot_svg(const std::vector<Curve>& curves, const PlotOptions& options);

}  // namespace recon
