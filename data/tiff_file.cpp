#include "data/tiff_file.h"

#include <ATen/ATen.h>
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "data/picture_orientation.h"
#include "data/tiff_checksum.h"
#include "recon/core/error.h"

namespace recon {
namespace {

thread_local std::string tiff_reason;  // libtiff's handlers get no context

void keep_tiff_reason(const char*, const char* format, va_list arguments) {
  std::array<char, 300> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  if (tiff_reason.empty()) tiff_reason = text.data();
}

void listen_to_libtiff() {
  static std::once_flag once;
  std::call_once(once, [] {
    TIFFSetErrorHandler(keep_tiff_reason);
    TIFFSetWarningHandler(nullptr);
  });
  tiff_reason.clear();
}

Error damaged_tiff(const std::string& place, const char* action) {
  return data_error(place, "cannot {} ({}); the file may be damaged or truncated; fetch or make it again", action,
                    tiff_reason.empty() ? "libtiff gives no reason" : tiff_reason);
}

/// What the tags of a page say.
struct TiffLayout {
  std::uint32_t width = 0, height = 0;
  std::uint16_t bits = 1, samples = 1, format = SAMPLEFORMAT_UINT, planar = PLANARCONFIG_CONTIG;
  std::uint16_t photometric = PHOTOMETRIC_MINISBLACK, compression = COMPRESSION_NONE, orientation = upright;

  explicit TiffLayout(TIFF* file) {
    TIFFGetField(file, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(file, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetFieldDefaulted(file, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(file, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(file, TIFFTAG_PHOTOMETRIC, &photometric);
    TIFFGetFieldDefaulted(file, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(file, TIFFTAG_ORIENTATION, &orientation);
    if (format == SAMPLEFORMAT_VOID) format = SAMPLEFORMAT_UINT;  // "no statement"; readers take unsigned integers
  }

  bool apart() const { return planar == PLANARCONFIG_SEPARATE && samples > 1; }
  bool floats() const { return format == SAMPLEFORMAT_IEEEFP && (bits == 32 || bits == 64); }
  bool counts() const { return format == SAMPLEFORMAT_UINT && bits >= 1 && bits <= 16; }
  bool wide_integers() const {
    return (format == SAMPLEFORMAT_INT && (bits == 8 || bits == 16 || bits == 32)) ||
           (format == SAMPLEFORMAT_UINT && bits == 32);
  }
  /// What 1.0 is: full scale where there is one.
  double full_scale() const { return counts() ? static_cast<double>((1U << bits) - 1) : 1; }
  /// The largest and the smallest number together: what MinIsWhite is turned round by.
  double turned() const {
    if (format == SAMPLEFORMAT_INT) return -1;
    return counts() ? full_scale() : 4294967295.0;
  }
  bool plain_colour() const {
    return photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE ||
           photometric == PHOTOMETRIC_RGB || photometric == PHOTOMETRIC_PALETTE;
  }
};

void require_readable(const TiffLayout& page, const std::string& place, const std::string& path,
                      std::int64_t max_pixels) {
  const auto pixels = static_cast<std::int64_t>(page.width) * page.height;
  if (pixels < 1)
    throw data_error(place, "expected pixels, got {} x {}; {}", page.width, page.height, "fetch it again");
  if (pixels > max_pixels) {
    throw data_error(place, "expected at most {} pixels, got {} x {}; scale the picture down", max_pixels, page.width,
                     page.height);
  }
  if (page.samples < 1 || page.samples > 4) {
    throw data_error(place, "expected 1 or 3 channels, got {}; convert the picture", page.samples);
  }
  if (!page.floats() && !page.counts() && !page.wide_integers()) {
    static constexpr const char* names[] = {"", "unsigned integer", "signed integer", "float"};
    throw data_error(
        place, "expected integers of 1 to 16 or of 32 bits or floats of 32 or 64, got {} bits, {}; convert the picture",
        page.bits, page.format <= 3 ? names[page.format] : "complex or of no known type");
  }
  // More than any compression of pictures reaches: nothing is allocated for a damaged size.
  constexpr std::int64_t max_compression = 5000;
  std::error_code error;
  const auto stored = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
  if (pixels * page.samples * page.bits / 8 / max_compression > stored) {
    throw data_error(place, "claims {} x {} pixels in a file of {} bytes; the file may be damaged; fetch it again",
                     page.width, page.height, stored);
  }
}

/// Samples of one row of bytes, most significant bit first where they are no whole bytes.
void unpack_row(const unsigned char* row, const TiffLayout& page, std::int64_t count, double* out) {
  const auto copied = [&]<class T>(T) {
    for (std::int64_t i = 0; i < count; ++i) {
      T value{};
      std::memcpy(&value, row + i * static_cast<std::int64_t>(sizeof value), sizeof value);
      out[i] = static_cast<double>(value);
    }
  };
  if (page.format == SAMPLEFORMAT_IEEEFP) return page.bits == 32 ? copied(float{}) : copied(double{});
  if (page.format == SAMPLEFORMAT_INT) {
    return page.bits == 8 ? copied(std::int8_t{}) : page.bits == 16 ? copied(std::int16_t{}) : copied(std::int32_t{});
  }
  if (page.bits == 32) return copied(std::uint32_t{});
  if (page.bits == 8) return copied(std::uint8_t{});
  if (page.bits == 16) return copied(std::uint16_t{});
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t value = 0;
    for (std::int64_t bit = i * page.bits; bit < (i + 1) * page.bits; ++bit) {
      value = value << 1U | (row[bit / 8] >> (7 - bit % 8) & 1U);
    }
    out[i] = value;
  }
}

/// The stored samples [height, width, samples], float64.
class TiffSamples {
 public:
  TiffSamples(TIFF* file, const TiffLayout& page, const std::string& place)
      : file_(file), page_(page), place_(place), samples_(page.apart() ? 1 : page.samples) {}

  at::Tensor read() const {
    std::vector<at::Tensor> planes;
    for (std::uint16_t plane = 0; plane < (page_.apart() ? page_.samples : 1); ++plane) {
      planes.push_back(TIFFIsTiled(file_) != 0 ? tiles(plane) : strips(plane));
    }
    return planes.size() == 1 ? planes.front() : at::cat(planes, 2);
  }

 private:
  at::Tensor empty() const { return at::zeros({page_.height, page_.width, samples_}, at::kDouble); }

  /// Bytes of a row of `width` pixels in a block of `bytes`, or the error for tags that contradict each other.
  std::int64_t row_bytes(std::int64_t width, std::int64_t rows, std::int64_t bytes) const {
    const std::int64_t row = (width * samples_ * page_.bits + 7) / 8;
    if (bytes < row * rows) throw damaged_tiff(place_, "read its pixels: its blocks are too small");
    return row;
  }

  /// libtiff reads a block whose place is lost from the file's beginning, as if the header were pixels.
  std::uint32_t placed(std::uint32_t block) const {
    constexpr std::uint64_t header_bytes = 8;
    if (TIFFGetStrileOffset(file_, block) < header_bytes) {
      throw damaged_tiff(place_, "read its pixels: a block lies in the file's header");
    }
    return block;
  }

  at::Tensor strips(std::uint16_t plane) const {
    const at::Tensor out = empty();
    std::uint32_t rows_per_strip = 0;
    TIFFGetFieldDefaulted(file_, TIFFTAG_ROWSPERSTRIP, &rows_per_strip);
    rows_per_strip = std::min(std::max(rows_per_strip, 1U), page_.height);
    const std::int64_t row = row_bytes(page_.width, rows_per_strip, TIFFStripSize(file_));
    std::vector<unsigned char> block(static_cast<std::size_t>(TIFFStripSize(file_)));
    for (std::uint32_t top = 0; top < page_.height; top += rows_per_strip) {
      const std::int64_t rows = std::min(rows_per_strip, page_.height - top);
      const tmsize_t got = TIFFReadEncodedStrip(file_, placed(TIFFComputeStrip(file_, top, plane)), block.data(),
                                                static_cast<tmsize_t>(block.size()));
      if (got < row * rows) throw damaged_tiff(place_, "read its pixels");
      for (std::int64_t y = 0; y < rows; ++y) {
        unpack_row(block.data() + y * row, page_, page_.width * samples_, out[top + y].data_ptr<double>());
      }
    }
    return out;
  }

  at::Tensor tiles(std::uint16_t plane) const {
    const at::Tensor out = empty();
    std::uint32_t width = 0, height = 0;
    TIFFGetField(file_, TIFFTAG_TILEWIDTH, &width);
    TIFFGetField(file_, TIFFTAG_TILELENGTH, &height);
    const std::int64_t bytes = TIFFTileSize(file_);
    constexpr std::int64_t largest_tile = std::int64_t{1} << 30;
    if (width == 0 || height == 0 || bytes < 1 || bytes > largest_tile) throw damaged_tiff(place_, "read its tiles");
    const std::int64_t row = row_bytes(width, height, bytes);
    std::vector<unsigned char> block(static_cast<std::size_t>(bytes));
    std::vector<double> values(static_cast<std::size_t>(width) * static_cast<std::size_t>(samples_));
    for (std::uint32_t top = 0; top < page_.height; top += height) {
      for (std::uint32_t left = 0; left < page_.width; left += width) {
        const std::uint32_t tile = placed(TIFFComputeTile(file_, left, top, 0, plane));
        if (TIFFReadEncodedTile(file_, tile, block.data(), bytes) < bytes) throw damaged_tiff(place_, "read its tiles");
        const std::int64_t wide = std::min(width, page_.width - left) * samples_;
        for (std::int64_t y = 0; y < std::min(height, page_.height - top); ++y) {
          unpack_row(block.data() + y * row, page_, wide, values.data());
          std::copy_n(values.data(), wide, out[top + y][left].data_ptr<double>());
        }
      }
    }
    return out;
  }

  TIFF* file_;
  const TiffLayout& page_;
  const std::string& place_;
  std::int64_t samples_;  ///< of a pixel in one block
};

/// 8-bit colour of any system, by libtiff's own conversion: [height, width, 3].
at::Tensor rgb_by_libtiff(TIFF* file, const TiffLayout& page, const std::string& place) {
  const at::Tensor packed = at::empty({page.height, page.width, 4}, at::kByte);  // R, G, B, A in memory
  if (TIFFReadRGBAImageOriented(file, page.width, page.height, static_cast<std::uint32_t*>(packed.data_ptr()),
                                page.orientation, 1) != 1) {
    throw damaged_tiff(place, "read its pixels");
  }
  return packed.narrow(2, 0, 3).to(at::kDouble);
}

/// The colours that the indices [height, width, 1] stand for, 0 to 65535.
at::Tensor palette_colours(TIFF* file, const TiffLayout& page, const at::Tensor& indices, const std::string& place) {
  std::array<std::uint16_t*, 3> map{};
  if (page.samples != 1 || TIFFGetField(file, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2]) != 1) {
    throw damaged_tiff(place, "find its palette");
  }
  const std::int64_t count = std::int64_t{1} << page.bits;
  const at::Tensor table = at::empty({count, 3}, at::kDouble);
  for (std::int64_t colour = 0; colour < 3; ++colour) {
    for (std::int64_t i = 0; i < count; ++i)
      table[i].data_ptr<double>()[colour] = map[static_cast<std::size_t>(colour)][i];
  }
  return table.index_select(0, indices.flatten().to(at::kLong)).view({page.height, page.width, 3});
}

}  // namespace

struct TiffFile::Handle {
  explicit Handle(const std::string& path) {
    listen_to_libtiff();
    file = TIFFOpen(path.c_str(), "rm");  // m: no memory map, which a file that shrinks would turn into a crash
    if (file == nullptr) throw damaged_tiff(path, "open the TIFF file");
  }
  ~Handle() { TIFFClose(file); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  TIFF* file;
  std::mutex mutex;  ///< libtiff's position is one for all
};

TiffFile::TiffFile(const std::string& path) : path_(path), handle_(std::make_shared<Handle>(path)) {
  constexpr std::uint32_t most_directories = 1U << 16U;
  for (std::uint32_t directory = 0; directory < most_directories; ++directory) {
    std::uint32_t kind = 0;
    TIFFGetFieldDefaulted(handle_->file, TIFFTAG_SUBFILETYPE, &kind);
    if ((kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK)) == 0) directories_.push_back(directory);
    if (TIFFLastDirectory(handle_->file) != 0) break;
    if (TIFFReadDirectory(handle_->file) != 1) throw damaged_tiff(path, "go to its next page");
  }
  if (directories_.empty()) throw data_error(path, "expected a picture, the TIFF file has thumbnails or masks only");
}

std::string TiffFile::description() const {
  const std::scoped_lock lock(handle_->mutex);
  listen_to_libtiff();
  if (TIFFSetDirectory(handle_->file, static_cast<tdir_t>(directories_.front())) != 1) {
    throw damaged_tiff(path_, "find its first page");
  }
  const char* text = nullptr;
  return TIFFGetField(handle_->file, TIFFTAG_IMAGEDESCRIPTION, &text) == 1 && text != nullptr ? text : "";
}

std::string TiffFile::first_description(const std::string& path) {
  listen_to_libtiff();
  const std::unique_ptr<TIFF, void (*)(TIFF*)> file(TIFFOpen(path.c_str(), "rm"), TIFFClose);
  const char* text = nullptr;
  const bool said = file != nullptr && TIFFGetField(file.get(), TIFFTAG_IMAGEDESCRIPTION, &text) == 1;
  return said && text != nullptr ? text : "";
}

std::optional<std::array<double, 2>> TiffFile::pixels_per_unit() const {
  const std::scoped_lock lock(handle_->mutex);
  listen_to_libtiff();
  if (TIFFSetDirectory(handle_->file, static_cast<tdir_t>(directories_.front())) != 1) {
    throw damaged_tiff(path_, "find its first page");
  }
  std::array<float, 2> found = {0, 0};
  TIFFGetField(handle_->file, TIFFTAG_XRESOLUTION, &found[0]);
  TIFFGetField(handle_->file, TIFFTAG_YRESOLUTION, &found[1]);
  const auto sound = [](float value) { return std::isfinite(value) && value > 0; };
  if (!sound(found[0]) || !sound(found[1])) return std::nullopt;
  return std::array<double, 2>{found[0], found[1]};
}

bool TiffFile::looks_like_tiff(std::string_view bytes) {
  const auto begins = [&](const char(&head)[5]) { return bytes.starts_with(std::string_view(head, 4)); };
  return begins("II*\0") || begins("MM\0*") || begins("II+\0") || begins("MM\0+");
}

TiffPage TiffFile::read(std::int64_t index, std::int64_t max_pixels) const {
  const std::scoped_lock lock(handle_->mutex);
  TIFF* const file = handle_->file;
  const std::string place = pages() > 1 ? fmt::format("{} page {}", path_, index) : path_;
  listen_to_libtiff();
  const auto directory = directories_.at(static_cast<std::size_t>(index));
  if (TIFFSetDirectory(file, static_cast<tdir_t>(directory)) != 1) throw damaged_tiff(place, "find the page");
  const TiffLayout page(file);
  require_readable(page, place, path_, max_pixels);
  require_checksums(file, place, std::filesystem::file_size(path_));
  TiffPage result{.planes = {}, .full_scale = page.full_scale()};
  at::Tensor pixels;
  if (page.plain_colour()) {
    pixels = TiffSamples(file, page, place).read();
    if (page.photometric == PHOTOMETRIC_MINISWHITE && !page.floats()) pixels = page.turned() - pixels;
    if (page.photometric == PHOTOMETRIC_PALETTE && page.counts()) {
      pixels = palette_colours(file, page, pixels, place);
      result.full_scale = 65535;
    }
  } else if (page.bits == 8) {
    pixels = rgb_by_libtiff(file, page, place);
  } else {
    throw data_error(place,
                     "expected grey or RGB, got colours of another system (PhotometricInterpretation {}); convert "
                     "the picture",
                     page.photometric);
  }
  result.planes = oriented(pixels.permute({2, 0, 1}), page.orientation);
  return result;
}

}  // namespace recon
