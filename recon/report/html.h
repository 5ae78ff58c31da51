#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace recon {

/// `&`, `<`, `>` and quotes as entities: text and attribute values of a page.
std::string html_escaped(std::string_view text);

/// RFC 4648 base64.
std::string base64(std::string_view bytes);

/// A picture as "data:image/webp;base64,...", so that a page needs no file beside it.
std::string picture_data_uri(std::string_view webp);

/// A picture of a page: the viewer that a click opens leafs through those with the same `group`.
struct PageFigure {
  std::string group;
  std::string picture;  ///< bytes of a WebP file
  std::string caption;  ///< text; shown under the picture and in the viewer
  std::string label;    ///< what the viewer calls it; the caption where empty
};
std::string html_figure(const PageFigure& figure);

/// The slices of a volume, one below the other in one picture, of which a slider shows one; without scripts the middle
/// one stands. The sliders of a page with the same `group` move together.
struct PageSlices {
  std::string group;
  std::string picture;  ///< bytes of a WebP file, width x (slices height)
  std::int64_t slices, width, height;
};
std::string html_slices(const PageSlices& volume);

/// A complete document in one file: `body` with style and viewer inline. It refers to nothing outside and its content
/// security policy forbids it; it works from a disk without a network, and without scripts but for the viewer.
std::string html_page(const std::string& title, const std::string& body);

}  // namespace recon
