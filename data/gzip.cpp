#include "data/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr int zlib_window = 15;                // the largest
constexpr int gzip_window = zlib_window + 16;  // with gzip's header instead of zlib's

// zlib counts in 32 bits: input is handed over in pieces.
uInt piece(std::size_t left) {
  return static_cast<uInt>(std::min<std::size_t>(left, std::numeric_limits<uInt>::max()));
}

struct Inflation {
  int window;
  const char* name;
  std::size_t first_bytes = 0;  ///< 0: all
};

std::string inflated(std::string_view bytes, std::int64_t max_bytes, const std::string& path, const Inflation& how) {
  z_stream stream{};
  if (inflateInit2(&stream, how.window) != Z_OK) throw internal_error(how.name, "cannot be set up");
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, &inflateEnd);
  std::string out, block(1U << 18U, '\0');
  std::size_t given = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (how.first_bytes > 0 && out.size() >= how.first_bytes) return out.substr(0, how.first_bytes);
    if (stream.avail_in == 0) {
      if (given == bytes.size()) throw data_error(path, "its {} data end too early; fetch it again", how.name);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + given));
      stream.avail_in = piece(bytes.size() - given);
      given += stream.avail_in;
    }
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      throw data_error(path, "its {} data are damaged; fetch it again", how.name);
    }
    out.append(block.data(), block.size() - stream.avail_out);
    if (std::ssize(out) > max_bytes) throw data_error(path, "unpacks to more than {} MiB", max_bytes >> 20);
  }
  return out;
}

}  // namespace

bool is_gzip(const std::string& bytes) { return bytes.size() > 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b'; }

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw internal_error("gzip", "cannot be set up");
  }
  const std::unique_ptr<z_stream, decltype(&deflateEnd)> end(&stream, &deflateEnd);
  std::string out, block(1U << 18U, '\0');
  std::size_t given = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (stream.avail_in == 0 && given < bytes.size()) {
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + given));
      stream.avail_in = piece(bytes.size() - given);
      given += stream.avail_in;
    }
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    status = deflate(&stream, given == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    if (status == Z_STREAM_ERROR) throw internal_error("gzip", "fails");
    out.append(block.data(), block.size() - stream.avail_out);
  }
  return out;
}

std::string gunzip(const std::string& bytes, std::int64_t max_bytes, const std::string& path) {
  return inflated(bytes, max_bytes, path, {.window = gzip_window, .name = "gzip"});
}

std::string unpack_zlib(std::string_view bytes, std::int64_t max_bytes, const std::string& path,
                        std::size_t first_bytes) {
  return inflated(bytes, max_bytes, path, {.window = zlib_window, .name = "zlib", .first_bytes = first_bytes});
}

}  // namespace recon
