#include "data/codecs/picture_codecs.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace recon {
namespace {

using std::string_view_literals::operator""sv;

struct PictureKind {
  std::string_view start;  ///< of the file; '?' stands for any byte
  const char* name;
  at::Tensor (*decode)(const EncodedPicture&);  ///< null: known, but not read
};

constexpr std::array kinds = {
    PictureKind{"\x89PNG\r\n\x1a\n"sv, "PNG", decode_png},
    PictureKind{"\xff\xd8\xff"sv, "JPEG", decode_jpeg},
    PictureKind{"RIFF????WEBP"sv, "WebP", decode_webp},
    PictureKind{"BM"sv, "BMP", nullptr},
    PictureKind{"GIF8"sv, "GIF", nullptr},
    PictureKind{"P1"sv, "PBM", nullptr},
    PictureKind{"P2"sv, "PGM", nullptr},
    PictureKind{"P3"sv, "PPM", nullptr},
    PictureKind{"P4"sv, "PBM", nullptr},
    PictureKind{"P5"sv, "PGM", nullptr},
    PictureKind{"P6"sv, "PPM", nullptr},
    PictureKind{"Pf"sv, "PFM", nullptr},
    PictureKind{"PF"sv, "PFM", nullptr},
    PictureKind{"v/1\x01"sv, "OpenEXR", nullptr},
    PictureKind{"#?RADIANCE"sv, "Radiance HDR", nullptr},
    PictureKind{"\0\0\0\x0cjP  "sv, "JPEG 2000", nullptr},
    PictureKind{"\xff\x4f\xff\x51"sv, "JPEG 2000", nullptr},
    PictureKind{"????ftypavif"sv, "AVIF", nullptr},
    PictureKind{"????ftyphei"sv, "HEIF", nullptr},
    PictureKind{"\x59\xa6\x6a\x95"sv, "Sun raster", nullptr},
    PictureKind{"SIMPLE  ="sv, "FITS", nullptr},
};

bool starts_with(std::string_view bytes, std::string_view pattern) {
  return bytes.size() >= pattern.size() &&
         std::equal(pattern.begin(), pattern.end(), bytes.begin(), [](char p, char b) { return p == '?' || p == b; });
}

}  // namespace

at::Tensor decode_picture(const EncodedPicture& picture) {
  for (const auto& kind : kinds) {
    if (!starts_with(picture.bytes, kind.start)) continue;
    if (kind.decode != nullptr) return kind.decode(picture);
    throw data_error(picture.path, "expected a PNG, JPEG or TIFF picture, found {}; convert it to PNG or TIFF",
                     kind.name);
  }
  throw data_error(picture.path, "expected a PNG, JPEG or TIFF picture, its content is none of these, or damaged");
}

}  // namespace recon
