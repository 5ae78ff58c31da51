#include "data/picture_orientation.h"

#include <ATen/ATen.h>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace recon {
namespace {

constexpr std::uint64_t orientation_tag = 274;

/// The unsigned number of `count` bytes at `at`; nothing beyond the end.
std::optional<std::uint64_t> number_at(std::string_view bytes, std::size_t at, std::size_t count, bool little) {
  if (at > bytes.size() || count > bytes.size() - at) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[at + (little ? count - 1 - i : i)]);
    value = value << 8U | byte;
  }
  return value;
}

/// From the first directory of the TIFF structure that Exif is.
int orientation_of_exif(std::string_view exif) {
  const bool little = exif.starts_with("II");
  const auto directory = number_at(exif, 4, 4, little);
  if ((!little && !exif.starts_with("MM")) || !directory) return upright;
  const auto entries = number_at(exif, *directory, 2, little);
  constexpr std::size_t entry_bytes = 12, value_at = 8;
  for (std::uint64_t i = 0; entries && i < *entries; ++i) {
    const std::size_t entry = *directory + 2 + i * entry_bytes;
    const auto tag = number_at(exif, entry, 2, little);
    if (!tag) return upright;
    if (*tag != orientation_tag) continue;
    const auto value = number_at(exif, entry + value_at, 2, little);
    return value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : upright;
  }
  return upright;
}

int orientation_of_jpeg(std::string_view file) {
  constexpr std::uint64_t app1 = 0xE1, start_of_scan = 0xDA;
  constexpr std::string_view exif_head("Exif\0\0", 6);
  for (std::size_t at = 2;;) {
    const auto mark = number_at(file, at, 1, false), kind = number_at(file, at + 1, 1, false);
    if (!mark || !kind || *mark != 0xFF || *kind == start_of_scan) return upright;
    if (*kind == 0xFF) {  // any number of these may come before a segment
      ++at;
      continue;
    }
    const auto length = number_at(file, at + 2, 2, false);
    if (!length || *length < 2) return upright;
    const std::string_view content = file.substr(std::min(at + 4, file.size()), *length - 2);
    if (*kind == app1 && content.starts_with(exif_head)) return orientation_of_exif(content.substr(exif_head.size()));
    at += 2 + *length;
  }
}

int orientation_of_png(std::string_view file) {
  constexpr std::size_t signature_bytes = 8, frame_bytes = 12;  // of a chunk: length, name, checksum
  for (std::size_t at = signature_bytes;;) {
    const auto length = number_at(file, at, 4, false);
    if (!length || at + 8 > file.size()) return upright;
    if (file.substr(at + 4, 4) == "eXIf") return orientation_of_exif(file.substr(at + 8, *length));
    at += frame_bytes + *length;
  }
}

}  // namespace

int exif_orientation(std::string_view file) {
  if (file.starts_with("\xFF\xD8")) return orientation_of_jpeg(file);
  if (file.starts_with("\x89PNG\r\n\x1a\n")) return orientation_of_png(file);
  return upright;
}

at::Tensor oriented(const at::Tensor& image, int orientation) {
  switch (orientation) {
    case 2:
      return image.flip(-1);
    case 3:
      return image.flip({-2, -1});
    case 4:
      return image.flip(-2);
    case 5:
      return image.transpose(-2, -1);
    case 6:
      return image.transpose(-2, -1).flip(-1);
    case 7:
      return image.flip({-2, -1}).transpose(-2, -1);
    case 8:
      return image.transpose(-2, -1).flip(-2);
    default:
      return image;
  }
}

}  // namespace recon
