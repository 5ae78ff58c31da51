#include <ATen/ATen.h>

#include <csetjmp>
#include <cstdio>
// After cstdio, which jpeglib.h takes for granted.
#include <jerror.h>
#include <jpeglib.h>

#include "data/codecs/picture_codecs.h"

namespace recon {
namespace {

/// libjpeg's handler of faults comes first, as it only hands out its address; it leaves by longjmp: the functions that
/// call setjmp hold no object with a destructor.
struct JpegReader {
  jpeg_error_mgr errors = {};
  std::jmp_buf back = {};
  char message[JMSG_LENGTH_MAX] = {};
  jpeg_decompress_struct state = {};

  JpegReader() {
    state.err = jpeg_std_error(&errors);
    errors.error_exit = on_error;
    errors.emit_message = on_message;
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&state); }

  static void on_error(j_common_ptr common) {
    auto* reader = reinterpret_cast<JpegReader*>(common->err);
    common->err->format_message(common, reader->message);
    std::longjmp(reader->back, 1);
  }
  /// A file that ends too early is a warning to libjpeg, which makes up the rest.
  static void on_message(j_common_ptr common, int level) {
    if (level < 0 && common->err->msg_code == JWRN_JPEG_EOF) on_error(common);
  }
};

bool read_header(JpegReader& reader, const std::string& bytes) {
  if (setjmp(reader.back) != 0) return false;
  jpeg_create_decompress(&reader.state);
  jpeg_mem_src(&reader.state, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&reader.state, TRUE);
  reader.state.out_color_space = reader.state.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  return true;
}

bool read_rows(JpegReader& reader, unsigned char* pixels, std::size_t row_bytes) {
  if (setjmp(reader.back) != 0) return false;
  jpeg_start_decompress(&reader.state);
  while (reader.state.output_scanline < reader.state.output_height) {
    unsigned char* row = pixels + reader.state.output_scanline * row_bytes;
    jpeg_read_scanlines(&reader.state, &row, 1);
  }
  jpeg_finish_decompress(&reader.state);
  return true;
}

}  // namespace

at::Tensor decode_jpeg(const EncodedPicture& picture) {
  JpegReader reader;
  if (!read_header(reader, picture.bytes)) throw picture.damaged("JPEG", reader.message);
  const std::int64_t width = reader.state.image_width, height = reader.state.image_height;
  const int channels = reader.state.num_components;
  picture.check_size(width, height);
  if (channels != 1 && channels != 3) {
    throw data_error(picture.path, "expected a grey or RGB picture, found a JPEG of {} components (CMYK); convert it",
                     channels);
  }
  const at::Tensor pixels = at::empty({height, width, channels}, at::kByte);
  if (!read_rows(reader, pixels.mutable_data_ptr<std::uint8_t>(), static_cast<std::size_t>(width * channels))) {
    throw picture.damaged("JPEG", reader.message);
  }
  return pixels;
}

}  // namespace recon
