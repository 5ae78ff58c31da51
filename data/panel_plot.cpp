#include <array>
#include <opencv2/imgproc.hpp>

#include "data/picture.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr int left_px = 64, right_px = 170, top_px = 10, bottom_px = 24;
constexpr int between_ticks_px = 26, between_steps_px = 90, legend_line_px = 18;
constexpr double tick_font_scale = 0.42;
const cv::Scalar paper(255, 255, 255), frame_color(0, 0, 0), grid_color(225, 225, 225);
const std::array<cv::Scalar, 6> curve_colors{cv::Scalar(180, 119, 31), {40, 39, 214},  {44, 160, 44},
                                             {189, 103, 148},          {14, 127, 255}, {207, 190, 23}};

bool drawable(double x, double y) { return std::isfinite(x) && std::isfinite(y) && y > 0; }

struct AxisSpan {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void widen(double by) {
    if (high - low >= by) return;
    low -= by / 2;
    high += by / 2;
  }
  double share(double value) const { return (value - low) / (high - low); }
};

void put_label(cv::Mat& canvas, const std::string& text, const cv::Point& corner) {
  cv::putText(canvas, text, corner, cv::FONT_HERSHEY_SIMPLEX, tick_font_scale, frame_color, 1, cv::LINE_AA);
}

/// The plot while it is drawn: x linear, y by its decimal logarithm.
class CurvePlot {
 public:
  CurvePlot(const std::vector<PanelCurve>& curves, const cv::Size& size)
      : canvas_(size, CV_8UC3, paper),
        frame_(left_px, top_px, size.width - left_px - right_px, size.height - top_px - bottom_px) {
    for (const auto& curve : curves) {
      for (std::size_t i = 0; i < std::min(curve.x.size(), curve.y.size()); ++i) {
        if (!drawable(curve.x[i], curve.y[i])) continue;
        x_.include(curve.x[i]);
        y_.include(std::log10(curve.y[i]));
      }
    }
    if (x_.low > x_.high) throw internal_error("panel plot", "there is no point to draw");
    x_.widen(1);
    y_.widen(0.1);
  }

  void draw_axes() {
    const int rows = std::max(1, frame_.height / between_ticks_px),
              columns = std::max(1, frame_.width / between_steps_px);
    for (int i = 0; i <= rows; ++i) {
      const double value = std::lerp(y_.low, y_.high, static_cast<double>(i) / rows);
      const int y = at(x_.low, value).y;
      cv::line(canvas_, {frame_.x, y}, {frame_.br().x, y}, grid_color);
      put_label(canvas_, fmt::format("{:.2g}", std::pow(10, value)), {4, y + 4});
    }
    for (int i = 0; i <= columns; ++i) {
      const double value = std::lerp(x_.low, x_.high, static_cast<double>(i) / columns);
      const int x = at(value, y_.low).x;
      cv::line(canvas_, {x, frame_.y}, {x, frame_.br().y}, grid_color);
      put_label(canvas_, fmt::format("{:.0f}", value), {x - 4, frame_.br().y + 16});
    }
    cv::rectangle(canvas_, frame_, frame_color);
  }

  void draw(const PanelCurve& curve, std::size_t number) {
    const cv::Scalar& color = curve_colors[number % curve_colors.size()];
    std::vector<cv::Point> points;
    for (std::size_t i = 0; i < std::min(curve.x.size(), curve.y.size()); ++i) {
      if (drawable(curve.x[i], curve.y[i])) points.push_back(at(curve.x[i], std::log10(curve.y[i])));
    }
    if (points.size() == 1) cv::circle(canvas_, points.front(), 2, color, cv::FILLED, cv::LINE_AA);
    cv::polylines(canvas_, points, false, color, 1, cv::LINE_AA);
    const cv::Point legend(frame_.br().x + 8, frame_.y + 10 + legend_line_px * static_cast<int>(number));
    cv::line(canvas_, legend, legend + cv::Point(14, 0), color, 2);
    put_label(canvas_, curve.label, legend + cv::Point(20, 4));
  }

  cv::Mat canvas() const { return canvas_; }

 private:
  cv::Point at(double x, double log_y) const {
    return {frame_.x + cvRound(x_.share(x) * frame_.width), frame_.br().y - cvRound(y_.share(log_y) * frame_.height)};
  }

  cv::Mat canvas_;
  cv::Rect frame_;
  AxisSpan x_, y_;
};

}  // namespace

cv::Mat plot_mat(const std::vector<PanelCurve>& curves, const cv::Size& size) {
  CurvePlot plot(curves, size);
  plot.draw_axes();
  for (std::size_t i = 0; i < curves.size(); ++i) plot.draw(curves[i], i);
  return plot.canvas();
}

}  // namespace recon
