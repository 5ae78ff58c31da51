#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace recon {

/// A page of a TIFF file, upright (tag Orientation): `planes` float64 `[C, H, W]` in the order R, G, B, alpha.
struct TiffPage {
  at::Tensor planes;
  /// What 1.0 is in the stored values: 2^bits - 1 for unsigned integers of 1 to 16 bits, 1 for all others.
  double full_scale = 1;
};

/// The pages of a TIFF or BigTIFF file, in strips or tiles, channels interleaved or apart, with any compression that
/// libtiff unpacks: unsigned integers of 1 to 16 and 32 bits, signed ones of 8, 16 and 32, floats of 32 and 64. Black
/// is 0 (MinIsWhite is turned round), palettes give their colours; 8-bit colour in other systems (YCbCr, CMYK) becomes
/// RGB.
///
/// Smaller copies of a page and transparency masks (tag NewSubfileType) are no pages. Throws Error(data) naming the
/// file and the page when it is missing, damaged, has no page, larger than `max_pixels`, or of another type.
class TiffFile {
 public:
  explicit TiffFile(const std::string& path);
  static bool looks_like_tiff(std::string_view bytes);

  std::int64_t pages() const { return static_cast<std::int64_t>(directories_.size()); }
  std::string description() const;  ///< of the first page (tag ImageDescription); "": none
  /// The same without going through the pages; "" for a file that cannot be opened, too.
  static std::string first_description(const std::string& path);
  /// Of the first page, along x and y, by a unit that the tag ResolutionUnit may or may not name; none: not said.
  std::optional<std::array<double, 2>> pixels_per_unit() const;
  TiffPage read(std::int64_t page, std::int64_t max_pixels) const;

 private:
  struct Handle;
  std::string path_;
  std::shared_ptr<Handle> handle_;
  std::vector<std::uint32_t> directories_;  ///< of each page
};

}  // namespace recon
