#include <ATen/ATen.h>
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "data/codecs/picture_codecs.h"

namespace recon {
namespace {

/// A file in memory for libtiff's callbacks, and the first fault that it reports.
struct TiffMemory {
  std::string bytes;
  std::size_t position = 0;
  std::string message;
};

TiffMemory& memory_of(thandle_t handle) { return *static_cast<TiffMemory*>(handle); }

tmsize_t read_memory(thandle_t handle, void* out, tmsize_t count) {
  TiffMemory& memory = memory_of(handle);
  const std::size_t rest = memory.bytes.size() - std::min(memory.position, memory.bytes.size());
  const std::size_t taken = std::min(static_cast<std::size_t>(count), rest);
  std::memcpy(out, memory.bytes.data() + std::min(memory.position, memory.bytes.size()), taken);
  memory.position += taken;
  return static_cast<tmsize_t>(taken);
}

tmsize_t write_memory(thandle_t handle, void* data, tmsize_t count) {
  TiffMemory& memory = memory_of(handle);
  const std::size_t end = memory.position + static_cast<std::size_t>(count);
  if (memory.bytes.size() < end) memory.bytes.resize(end);
  std::memcpy(memory.bytes.data() + memory.position, data, static_cast<std::size_t>(count));
  memory.position = end;
  return count;
}

toff_t seek_memory(thandle_t handle, toff_t offset, int whence) {
  TiffMemory& memory = memory_of(handle);
  const std::size_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? memory.position : memory.bytes.size();
  return memory.position = from + offset;
}

toff_t size_of_memory(thandle_t handle) { return memory_of(handle).bytes.size(); }
int close_memory(thandle_t) { return 0; }

int keep_message(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  char text[256] = {};
  std::vsnprintf(text, sizeof text, format, arguments);
  auto* memory = static_cast<TiffMemory*>(user);
  if (memory->message.empty()) memory->message = text;
  return 1;  // handled: nothing on stderr
}
int keep_quiet(TIFF*, void*, const char*, const char*, va_list) { return 1; }

using TiffPtr = std::unique_ptr<TIFF, void (*)(TIFF*)>;

TiffPtr open_tiff(TiffMemory& memory, const char* mode) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_message, &memory);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), keep_quiet, nullptr);
  return {TIFFClientOpenExt("picture", mode, &memory, read_memory, write_memory, seek_memory, close_memory,
                            size_of_memory, nullptr, nullptr, options.get()),
          TIFFClose};
}

struct TiffLayout {
  std::uint32_t width = 0, height = 0;
  std::uint16_t channels = 1, bits = 1, format = SAMPLEFORMAT_UINT, photometric = 0, planar = PLANARCONFIG_CONTIG;

  explicit TiffLayout(TIFF* file) {
    TIFFGetField(file, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(file, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLESPERPIXEL, &channels);
    TIFFGetFieldDefaulted(file, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(file, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetField(file, TIFFTAG_PHOTOMETRIC, &photometric);
    if (format == SAMPLEFORMAT_VOID) format = SAMPLEFORMAT_UINT;
  }

  bool is_gray() const { return photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE; }
  bool is_plain() const { return is_gray() || photometric == PHOTOMETRIC_RGB; }

  /// The type of the tensor; undefined for samples that are not read as they are.
  at::ScalarType type() const {
    if (format == SAMPLEFORMAT_UINT && bits == 8) return at::kByte;
    if (format == SAMPLEFORMAT_UINT && bits == 16) return at::kUInt16;
    if (format == SAMPLEFORMAT_IEEEFP && bits == 32) return at::kFloat;
    if (format == SAMPLEFORMAT_IEEEFP && bits == 64) return at::kDouble;
    return at::ScalarType::Undefined;
  }
  const char* format_name() const {
    return format == SAMPLEFORMAT_UINT     ? "unsigned"
           : format == SAMPLEFORMAT_INT    ? "signed"
           : format == SAMPLEFORMAT_IEEEFP ? "float"
                                           : "complex";
  }
};

/// One plane's block of pixels (all of a strip, or a tile) into its place.
void place(const at::Tensor& pixels, const std::vector<char>& block, std::int64_t y, std::int64_t x, std::int64_t rows,
           std::int64_t columns, std::int64_t plane, std::int64_t planes) {
  const at::Tensor view = at::from_blob(const_cast<char*>(block.data()), {rows, columns, planes}, pixels.scalar_type());
  const std::int64_t down = std::min(rows, pixels.size(0) - y), across = std::min(columns, pixels.size(1) - x);
  pixels.narrow(0, y, down)
      .narrow(1, x, across)
      .narrow(2, plane, planes)
      .copy_(view.narrow(0, 0, down).narrow(1, 0, across));
}

/// The samples as they are stored. False when libtiff reports a fault.
bool read_blocks(TIFF* file, const TiffLayout& layout, const at::Tensor& pixels) {
  const bool tiled = TIFFIsTiled(file) != 0;
  std::uint32_t columns = layout.width, rows = layout.height;
  if (tiled) {
    TIFFGetField(file, TIFFTAG_TILEWIDTH, &columns);
    TIFFGetField(file, TIFFTAG_TILELENGTH, &rows);
  } else {
    TIFFGetFieldDefaulted(file, TIFFTAG_ROWSPERSTRIP, &rows);
    rows = std::min(rows, layout.height);
  }
  if (columns == 0 || rows == 0) return false;
  const bool apart = layout.planar == PLANARCONFIG_SEPARATE;
  const std::int64_t planes = apart ? 1 : layout.channels;
  const auto expected = static_cast<std::size_t>(rows) * columns * static_cast<std::size_t>(planes) * layout.bits / 8;
  if (expected != static_cast<std::size_t>(tiled ? TIFFTileSize(file) : TIFFVStripSize(file, rows))) return false;
  std::vector<char> block(expected);
  for (std::int64_t plane = 0; plane < layout.channels; plane += planes) {
    for (std::uint32_t y = 0; y < layout.height; y += rows) {
      for (std::uint32_t x = 0; x < layout.width; x += columns) {
        const auto sample = static_cast<std::uint16_t>(apart ? plane : 0);
        const auto size = static_cast<tmsize_t>(block.size());
        const tmsize_t got = tiled
                                 ? TIFFReadEncodedTile(file, TIFFComputeTile(file, x, y, 0, sample), block.data(), size)
                                 : TIFFReadEncodedStrip(file, TIFFComputeStrip(file, y, sample), block.data(), size);
        const std::uint32_t down = tiled ? rows : std::min(rows, layout.height - y);
        if (got < 0 || static_cast<std::size_t>(got) * rows < expected * down) return false;
        place(pixels, block, y, x, rows, columns, plane, planes);
      }
    }
  }
  return true;
}

/// What is not stored as plain samples, by libtiff's conversion to 8-bit RGBA; rows stay in the stored order.
at::Tensor converted_pixels(TIFF* file, const TiffLayout& layout, const EncodedPicture& picture,
                            const TiffMemory& memory) {
  std::uint16_t orientation = ORIENTATION_TOPLEFT;
  TIFFGetFieldDefaulted(file, TIFFTAG_ORIENTATION, &orientation);
  const at::Tensor rgba = at::empty({layout.height, layout.width, 4}, at::kByte);
  if (TIFFReadRGBAImageOriented(file, layout.width, layout.height,
                                reinterpret_cast<std::uint32_t*>(rgba.mutable_data_ptr()), orientation, 1) != 1) {
    throw picture.damaged("TIFF", memory.message.empty() ? "its kind of pixels is not known" : memory.message);
  }
  return rgba.narrow(2, 0, layout.is_gray() ? 1 : 3).contiguous();
}

}  // namespace

at::Tensor decode_tiff(const EncodedPicture& picture) {
  TiffMemory memory{.bytes = picture.bytes, .position = 0, .message = ""};
  const TiffPtr file = open_tiff(memory, "rm");
  if (file == nullptr) throw picture.damaged("TIFF", memory.message);
  const TiffLayout layout(file.get());
  picture.check_size(layout.width, layout.height);
  if (layout.channels > 4) {
    throw data_error(picture.path, "expected 1 or 3 channels, got {}; convert the picture", layout.channels);
  }
  if (layout.is_plain() && layout.type() != at::ScalarType::Undefined) {
    at::Tensor pixels = at::empty({layout.height, layout.width, layout.channels}, layout.type());
    if (!read_blocks(file.get(), layout, pixels)) {
      throw picture.damaged("TIFF", memory.message.empty() ? "its pixels are not all there" : memory.message);
    }
    if (layout.photometric != PHOTOMETRIC_MINISWHITE || layout.format != SAMPLEFORMAT_UINT) return pixels;
    const std::int64_t white = layout.bits == 8 ? 255 : 65535;
    return (white - pixels.to(at::kInt)).to(layout.type());
  }
  if (layout.format != SAMPLEFORMAT_UINT || layout.bits > 8) {
    throw data_error(picture.path,
                     "expected unsigned 8 or 16 bit or float samples, got {} samples of {} bits; convert the picture",
                     layout.format_name(), layout.bits);
  }
  return converted_pixels(file.get(), layout, picture, memory);
}

std::string encode_tiff(const at::Tensor& pixels, const std::string& path) {
  const at::Tensor own = pixels.to(at::kFloat).contiguous();
  TiffMemory memory;
  TiffPtr file = open_tiff(memory, "w");
  if (file == nullptr) throw internal_error(path, "cannot encode a TIFF picture: {}", memory.message);
  const auto height = static_cast<std::uint32_t>(own.size(0));
  TIFFSetField(file.get(), TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(own.size(1)));
  TIFFSetField(file.get(), TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(file.get(), TIFFTAG_BITSPERSAMPLE, 32);
  TIFFSetField(file.get(), TIFFTAG_SAMPLESPERPIXEL, static_cast<int>(own.size(2)));
  TIFFSetField(file.get(), TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_IEEEFP);
  TIFFSetField(file.get(), TIFFTAG_PHOTOMETRIC, own.size(2) == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
  TIFFSetField(file.get(), TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  TIFFSetField(file.get(), TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(file.get(), TIFFTAG_ROWSPERSTRIP, height);
  const auto bytes = static_cast<tmsize_t>(own.nbytes());
  const bool written = TIFFWriteEncodedStrip(file.get(), 0, own.mutable_data_ptr(), bytes) == bytes;
  file.reset();  // writes the directory
  if (!written || !memory.message.empty())
    throw internal_error(path, "cannot encode a TIFF picture: {}", memory.message);
  return std::move(memory.bytes);
}

}  // namespace recon
