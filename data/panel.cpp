#include <ATen/ATen.h>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "data/image_io.h"
#include "data/picture.h"
#include "data/volume_planes.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr int label_height_px = 22;
constexpr int gap_px = 6;
constexpr int plot_height_px = 260, plot_width_px = 560;  ///< the width at least
constexpr int enlarge_below_px = 192;                     ///< tiles narrower than this are enlarged, so that labels fit
constexpr double font_scale = 0.42;
const cv::Scalar background(255, 255, 255), ink(0, 0, 0);

/// The values as 8 bits, in `levels` equal steps.
cv::Mat eight_bit(const PanelTile& tile, int levels) {
  const double steps = levels - 1;
  cv::Mat gray;
  const at::Tensor picture = middle_planes(tile.image, tile.range.low);
  const at::Tensor unit = at::round(to_unit(picture, tile.range) * steps) / steps;
  to_mat(unit, "panel tile '" + tile.label + "'").convertTo(gray, CV_8U, 255);
  return gray;
}

cv::Mat colored(const PanelTile& tile, int levels = 256) {
  const cv::Mat gray = eight_bit(tile, levels);
  cv::Mat out;
  if (gray.channels() == 3) return gray;
  if (tile.colormap == Colormap::none) {
    cv::cvtColor(gray, out, cv::COLOR_GRAY2BGR);
  } else {
    cv::applyColorMap(gray, out, tile.colormap == Colormap::viridis ? cv::COLORMAP_VIRIDIS : cv::COLORMAP_INFERNO);
  }
  return out;
}

/// The picture, enlarged by a whole factor without smoothing.
cv::Mat enlarged(const cv::Mat& picture) {
  const int factor = std::max(1, (enlarge_below_px + picture.cols - 1) / picture.cols);
  cv::Mat out;
  cv::resize(picture, out, {}, factor, factor, cv::INTER_NEAREST);
  return out;
}

/// The label, shortened until it fits.
std::string fitting(std::string label, int width_px) {
  const auto width = [](const std::string& text) {
    return cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, font_scale, 1, nullptr).width;
  };
  if (width(label) <= width_px) return label;
  while (!label.empty() && width(label + "..") > width_px) label.pop_back();
  return label + "..";
}

}  // namespace

std::string webp_bytes(const PanelTile& tile, int levels) {
  if (levels < 2 || levels > 256) throw internal_error("webp_bytes", "expected 2 to 256 levels, got {}", levels);
  return mat_webp(tile.colormap == Colormap::none ? eight_bit(tile, levels) : colored(tile, levels));
}

void write_png_panel(const std::string& path, const std::vector<PanelTile>& tiles, int columns,
                     const std::vector<PanelCurve>& curves) {
  if (tiles.empty()) throw internal_error(path, "a panel needs at least one tile");
  std::vector<cv::Mat> pictures;
  cv::Size cell(0, 0);
  for (const auto& tile : tiles) {
    pictures.push_back(enlarged(colored(tile)));
    cell.width = std::max(cell.width, pictures.back().cols);
    cell.height = std::max(cell.height, pictures.back().rows);
  }
  const int count = static_cast<int>(tiles.size());
  const int across = columns > 0 ? std::min(columns, count) : count;
  const int down = (count + across - 1) / across;
  const cv::Size step(cell.width + gap_px, cell.height + label_height_px + gap_px);
  const int width = std::max(across * step.width + gap_px, curves.empty() ? 0 : plot_width_px);
  const int above = curves.empty() ? 0 : plot_height_px;
  cv::Mat canvas(above + down * step.height + gap_px, width, CV_8UC3, background);
  if (above > 0) plot_mat(curves, {width, above}).copyTo(canvas(cv::Rect(0, 0, width, above)));
  for (int i = 0; i < count; ++i) {
    const auto& picture = pictures[static_cast<std::size_t>(i)];
    const cv::Point corner(gap_px + (i % across) * step.width, above + gap_px + (i / across) * step.height);
    const std::string label = fitting(tiles[static_cast<std::size_t>(i)].label, cell.width);
    cv::putText(canvas, label, corner + cv::Point(0, label_height_px - 7), cv::FONT_HERSHEY_SIMPLEX, font_scale, ink, 1,
                cv::LINE_AA);
    picture.copyTo(canvas(cv::Rect(corner + cv::Point(0, label_height_px), picture.size())));
  }
  write_mat_png(path, canvas);
}

}  // namespace recon
