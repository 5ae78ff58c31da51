#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "data/image_range.h"

namespace recon {

/// Pictures in and out. OpenCV stays behind this header; channels are in the order R, G, B everywhere.

enum class ChannelRule { as_stored, gray, rgb };
enum class AlphaRule { refuse, drop };

struct ImageReadOptions {
  ChannelRule channels = ChannelRule::as_stored;  ///< gray: ITU-R BT.601 luma of colour; rgb: grey repeated
  AlphaRule alpha = AlphaRule::refuse;
  std::int64_t max_pixels = std::int64_t{1} << 28;
};

/// PNG, JPEG (8 bit), PNG, TIFF (8/16 bit) divided by 255 or 65535, TIFF float32/64 as it is: float32 `[C, H, W]`, C =
/// 1 or 3. Throws Error(data) naming the path when it is missing, damaged, too large, of another type, or has an alpha
/// channel that was not to be dropped.
at::Tensor read_image(const std::string& path, const ImageReadOptions& options = {});

/// `image` [C, H, W] with the channels that the rule asks for: ITU-R BT.601 luma, grey repeated, or as it is.
at::Tensor with_channels(const at::Tensor& image, ChannelRule rule);

/// True for the file name endings that read_image takes.
bool is_image_name(const std::string& path);

/// `image` [C, H, W] (C = 1 or 3; complex: magnitude) as PNG, range.low -> 0 and range.high -> full scale, clipped,
/// rounded to nearest. NaN is drawn as 0. Atomic. `bits` is 8 or 16.
void write_png(const std::string& path, const at::Tensor& image, const ImageRange& range, int bits = 8);

/// float32 TIFF of the values themselves. Atomic.
void write_tiff(const std::string& path, const at::Tensor& image);

enum class Colormap { none, viridis, inferno };

/// One picture of a panel. `range` is what black and white (or the ends of the colour map) stand for.
struct PanelTile {
  std::string label;
  at::Tensor image;  ///< [C, H, W], C = 1 or 3; complex: magnitude
  ImageRange range;
  Colormap colormap = Colormap::none;  ///< for one-channel maps, e.g. of standard deviations
};

/// A tile's picture alone as the bytes of a lossless WebP file, for pages: half the size of a PNG. Colour maps of noisy
/// pictures compress badly: with `levels` < 256 they are drawn in that many equal steps.
std::string webp_bytes(const PanelTile& tile, int levels = 256);

/// A line of the plot above a panel; points that are not finite, or not positive in y, are left out.
struct PanelCurve {
  std::string label;
  std::vector<double> x, y;
};

/// Labelled tiles side by side in `columns` columns (0: one row), small ones enlarged by whole factors; above them, if
/// there are curves, their plot with a logarithmic y axis. Atomic. Throws Error(internal) for curves without a point.
void write_png_panel(const std::string& path, const std::vector<PanelTile>& tiles, int columns = 0,
                     const std::vector<PanelCurve>& curves = {});

}  // namespace recon
