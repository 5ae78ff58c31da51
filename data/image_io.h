#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "data/image_range.h"
#include "recon/core/words.h"

namespace recon {

/// Pictures in and out. Codecs and OpenCV stay behind this header; channels are in the order R, G, B everywhere.

enum class ChannelRule { as_stored, gray, rgb };
constexpr auto words_of(ChannelRule) {
  using enum ChannelRule;
  return std::to_array<Word<ChannelRule>>({{as_stored, "as_stored"}, {gray, "gray"}, {rgb, "rgb"}});
}
enum class AlphaRule { refuse, drop };

struct ImageReadOptions {
  ChannelRule channels = ChannelRule::as_stored;  ///< gray: ITU-R BT.601 luma of colour; rgb: grey repeated
  AlphaRule alpha = AlphaRule::refuse;
  std::int64_t max_pixels = std::int64_t{1} << 28;
  std::optional<std::int64_t> page = {};  ///< of a TIFF file, from 0 on; none: the file must have one
};

/// A picture with the values that the file holds, upright (Exif, TIFF's tag Orientation).
struct StoredPicture {
  at::Tensor planes;      ///< float64 [C, H, W] in the order grey or R, G, B, then alpha
  double full_scale = 1;  ///< what 1.0 is: 2^bits - 1 for unsigned integers, 1 for floats

  /// 8, 10, 12 or 14 where the values of a 16-bit picture fill no more: cameras and microscopes store so many bits in
  /// 16, but a dark picture looks the same. 0: nothing to ask about.
  int used_bits() const;
};
StoredPicture read_stored(const std::string& path, const ImageReadOptions& options = {});

/// PNG, JPEG, TIFF (tiff_file.h) as float32 `[C, H, W]`, C = 1 or 3: unsigned integers divided by 2^bits - 1, floats as
/// they are. Throws Error(data) naming the path when it is missing, damaged, too large, of another type, has an alpha
/// channel that was not to be dropped, or several pages and none was named.
at::Tensor read_image(const std::string& path, const ImageReadOptions& options = {});
at::Tensor scaled_picture(const StoredPicture& stored, const ImageReadOptions& options, const std::string& path);

/// Pages of a TIFF file, 1 for other pictures.
std::int64_t picture_pages(const std::string& path);

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
  at::Tensor image;  ///< [C, H, W], C = 1 or 3; complex: magnitude; of [C, D, H, W] three planes (volume_planes.h)
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
