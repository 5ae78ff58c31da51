#include "recon/report/line_plot.h"

#include <array>

#include "recon/core/error.h"
#include "recon/report/html.h"

namespace recon {
namespace {

constexpr double width = 720, height = 400;                      // of the document, px
constexpr double left = 72, right = 150, top = 36, bottom = 52;  // margins
constexpr std::size_t dotted_points = 24;                        ///< curves of up to so many points show them
constexpr std::array<const char*, 10> colors{"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e",
                                             "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22"};

/// One axis: values to pixels, and where its ticks are.
class Axis {
 public:
  Axis(bool logarithmic, double begin_px, double end_px) : log_(logarithmic), begin_(begin_px), end_(end_px) {}

  bool takes(double value) const { return std::isfinite(value) && (!log_ || value > 0); }
  void include(double value) {
    low_ = std::min(low_, inner(value));
    high_ = std::max(high_, inner(value));
  }
  bool empty() const { return low_ > high_; }
  void widen() {
    if (high_ - low_ < 1e-12) {
      low_ -= 0.5;
      high_ += 0.5;
    }
  }
  double px(double value) const { return begin_ + (inner(value) - low_) / (high_ - low_) * (end_ - begin_); }

  std::vector<double> ticks() const {
    std::vector<double> values;
    if (log_ && high_ - low_ >= 1) {
      const double step = std::ceil((high_ - low_) / 6);
      for (double e = std::ceil(low_); e <= high_ + 1e-9; e += step) values.push_back(std::pow(10, e));
      return values;
    }
    const double from = log_ ? std::pow(10, low_) : low_, to = log_ ? std::pow(10, high_) : high_;
    const double raw = (to - from) / 5, power = std::pow(10, std::floor(std::log10(raw)));
    const double step = power * (raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10);
    for (double k = std::ceil(from / step - 1e-9); k * step <= to * (1 + 1e-9); ++k) values.push_back(k * step + 0.0);  // no -0
    return values;
  }

 private:
  double inner(double value) const { return log_ ? std::log10(value) : value; }

  bool log_;
  double begin_, end_;
  double low_ = std::numeric_limits<double>::infinity(), high_ = -std::numeric_limits<double>::infinity();
};

std::string text_at(double x, double y, const std::string& text, const char* attributes) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, attributes, html_escaped(text));
}

std::string axes_svg(const Axis& x, const Axis& y, const PlotOptions& options) {
  std::string svg = text_at(left, top - 14, options.title, "font-size=\"15\" font-weight=\"bold\"");
  for (const double tick : x.ticks()) {
    svg += fmt::format("<path d=\"M{0:.1f} {1}V{2}\" stroke=\"#ddd\"/>\n", x.px(tick), top, height - bottom);
    svg += text_at(x.px(tick), height - bottom + 18, fmt::format("{:g}", tick), "text-anchor=\"middle\"");
  }
  for (const double tick : y.ticks()) {
    svg += fmt::format("<path d=\"M{1} {0:.1f}H{2}\" stroke=\"#ddd\"/>\n", y.px(tick), left, width - right);
    svg += text_at(left - 8, y.px(tick) + 4, fmt::format("{:g}", tick), "text-anchor=\"end\"");
  }
  svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#444\"/>\n", left, top,
                     width - left - right, height - top - bottom);
  svg += text_at((left + width - right) / 2, height - 12, options.x_label, "text-anchor=\"middle\"");
  const double middle = (top + height - bottom) / 2;
  svg += text_at(18, middle, options.y_label,
                 fmt::format("text-anchor=\"middle\" transform=\"rotate(-90 18 {:.1f})\"", middle).c_str());
  return svg;
}

}  // namespace

std::string line_plot_svg(const std::vector<Curve>& curves, const PlotOptions& options) {
  Axis x(options.log_x, left, width - right), y(options.log_y, height - bottom, top);
  const auto each_point = [&](const Curve& curve, const auto& visit) {
    for (std::size_t i = 0; i < std::min(curve.x.size(), curve.y.size()); ++i) {
      if (x.takes(curve.x[i]) && y.takes(curve.y[i])) visit(curve.x[i], curve.y[i]);
    }
  };
  for (const auto& curve : curves) {
    each_point(curve, [&](double a, double b) {
      x.include(a);
      y.include(b);
    });
  }
  if (x.empty()) throw internal_error("line_plot_svg", "there is no point to draw in '{}'", options.title);
  x.widen();
  y.widen();
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  svg += axes_svg(x, y, options);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const char* color = colors[i % colors.size()];
    std::string path, dots;
    each_point(curves[i], [&](double a, double b) {
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', x.px(a), y.px(b));
      dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"{}\"/>\n", x.px(a), y.px(b), color);
    });
    if (curves[i].x.size() <= dotted_points) svg += dots;
    svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\"/>\n", path, color);
    const double line = top + 14 + 20 * static_cast<double>(i);
    svg += fmt::format("<path d=\"M{:.1f} {:.1f}h18\" stroke=\"{}\" stroke-width=\"2.5\"/>\n", width - right + 12,
                       line - 4, color);
    svg += text_at(width - right + 36, line, curves[i].label, "");
  }
  return svg + "</svg>\n";
}

}  // namespace recon
