#pragma once

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

/// A complete document in one file: `body` with style and viewer inline. It refers to nothing outside and its content
/// security policy forbids it; it works from a disk without a network, and without scripts but for the viewer.
std::string html_page(const std::string& title, const std::string& body);

}  // namespace recon
