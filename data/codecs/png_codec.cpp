#include <ATen/ATen.h>
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "data/codecs/picture_codecs.h"

namespace recon {
namespace {

/// What libpng calls back with. libpng leaves a fault by longjmp: the functions that call setjmp hold no object with a
/// destructor.
struct PngFile {
  explicit PngFile(bool writing)
      : png(writing ? png_create_write_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning)
                    : png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning)),
        info(png == nullptr ? nullptr : png_create_info_struct(png)),
        writes(writing) {
    if (info == nullptr) throw std::bad_alloc();
  }
  PngFile(const PngFile&) = delete;
  PngFile& operator=(const PngFile&) = delete;
  ~PngFile() {
    if (writes) {
      png_destroy_write_struct(&png, &info);
    } else {
      png_destroy_read_struct(&png, &info, nullptr);
    }
  }

  static void on_error(png_structp png, png_const_charp message) {
    auto* file = static_cast<PngFile*>(png_get_error_ptr(png));
    std::strncpy(file->message, message, sizeof file->message - 1);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}

  png_structp png = nullptr;
  png_infop info = nullptr;
  bool writes;
  char message[128] = {};
  const std::string* bytes = nullptr;  ///< what is read
  std::size_t position = 0;
  std::string written;
};

void read_bytes(png_structp png, png_bytep out, std::size_t count) {
  auto* file = static_cast<PngFile*>(png_get_io_ptr(png));
  if (count > file->bytes->size() - file->position) png_error(png, "the file ends too early");
  std::memcpy(out, file->bytes->data() + file->position, count);
  file->position += count;
}

void write_bytes(png_structp png, png_bytep data, std::size_t count) {
  static_cast<PngFile*>(png_get_io_ptr(png))->written.append(reinterpret_cast<const char*>(data), count);
}

bool read_header(PngFile& file) {
  if (setjmp(png_jmpbuf(file.png)) != 0) return false;
  png_set_read_fn(file.png, &file, read_bytes);
  png_set_user_limits(file.png, 0x7fffffff, 0x7fffffff);
  png_read_info(file.png, file.info);
  const int color = png_get_color_type(file.png, file.info);
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(file.png);
  if (color == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(file.png);
  const bool key = png_get_valid(file.png, file.info, PNG_INFO_tRNS) != 0;
  if (key && (color & PNG_COLOR_MASK_COLOR) != 0) png_set_tRNS_to_alpha(file.png);
  png_set_swap(file.png);  // samples of 16 bits: most significant byte first in the file
  png_set_interlace_handling(file.png);
  png_read_update_info(file.png, file.info);
  return true;
}

bool read_rows(PngFile& file, png_bytepp rows) {
  if (setjmp(png_jmpbuf(file.png)) != 0) return false;
  png_read_image(file.png, rows);
  png_read_end(file.png, nullptr);
  return true;
}

bool write_rows(PngFile& file, png_uint_32 width, png_uint_32 height, int bits, int color, png_bytepp rows) {
  if (setjmp(png_jmpbuf(file.png)) != 0) return false;
  png_set_write_fn(file.png, &file, write_bytes, nullptr);
  png_set_IHDR(file.png, file.info, width, height, bits, color, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(file.png, file.info);
  png_set_swap(file.png);
  png_write_image(file.png, rows);
  png_write_end(file.png, nullptr);
  return true;
}

std::vector<png_bytep> rows_of(const at::Tensor& pixels) {
  std::vector<png_bytep> rows;
  auto* row = static_cast<png_bytep>(pixels.mutable_data_ptr());
  const std::size_t step = static_cast<std::size_t>(pixels.stride(0)) * pixels.element_size();
  for (std::int64_t y = 0; y < pixels.size(0); ++y) rows.push_back(row + static_cast<std::size_t>(y) * step);
  return rows;
}

}  // namespace

at::Tensor decode_png(const EncodedPicture& picture) {
  PngFile file(false);
  file.bytes = &picture.bytes;
  if (!read_header(file)) throw picture.damaged("PNG", file.message);
  const std::int64_t width = png_get_image_width(file.png, file.info);
  const std::int64_t height = png_get_image_height(file.png, file.info);
  picture.check_size(width, height);
  const bool wide = png_get_bit_depth(file.png, file.info) == 16;
  const at::Tensor pixels =
      at::empty({height, width, png_get_channels(file.png, file.info)}, wide ? at::kUInt16 : at::kByte);
  std::vector<png_bytep> rows = rows_of(pixels);
  if (!read_rows(file, rows.data())) throw picture.damaged("PNG", file.message);
  return pixels;
}

std::string encode_png(const at::Tensor& pixels, const std::string& path) {
  const at::Tensor own = pixels.contiguous();
  PngFile file(true);
  std::vector<png_bytep> rows = rows_of(own);
  const bool written = write_rows(file, static_cast<png_uint_32>(own.size(1)), static_cast<png_uint_32>(own.size(0)),
                                  own.scalar_type() == at::kByte ? 8 : 16,
                                  own.size(2) == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, rows.data());
  if (!written) {
    throw internal_error(path, "cannot encode a picture of {} x {}: {}", own.size(1), own.size(0), file.message);
  }
  return std::move(file.written);
}

}  // namespace recon
