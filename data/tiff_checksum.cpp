#include "data/tiff_checksum.h"

#include <tiffio.h>
#include <zlib.h>

#include <array>
#include <memory>
#include <vector>

#include "recon/core/error.h"

namespace recon {
namespace {

/// What is wrong with a zlib stream of at most `most` bytes; empty when nothing is. What follows its end does not
/// count.
std::string zlib_fault(std::vector<unsigned char>& bytes, std::uint64_t most) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return "zlib does not start";
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ending(&stream, inflateEnd);
  stream.next_in = bytes.data();
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::array<unsigned char, 65536> content;  // of no interest: libtiff makes pixels of it
  int status = Z_OK;
  while (status == Z_OK) {
    if (stream.total_out > most) return "it holds more than its pixels";
    stream.next_out = content.data();
    stream.avail_out = static_cast<uInt>(content.size());
    status = inflate(&stream, Z_NO_FLUSH);
  }
  if (status == Z_STREAM_END) return "";
  return status == Z_BUF_ERROR ? "its end is missing" : stream.msg != nullptr ? stream.msg : "no valid data";
}

}  // namespace

void require_checksums(TIFF* file, const std::string& place, std::size_t file_bytes) {
  std::uint16_t compression = COMPRESSION_NONE, order = FILLORDER_MSB2LSB;
  TIFFGetFieldDefaulted(file, TIFFTAG_COMPRESSION, &compression);
  TIFFGetFieldDefaulted(file, TIFFTAG_FILLORDER, &order);
  if (compression != COMPRESSION_ADOBE_DEFLATE && compression != COMPRESSION_DEFLATE) return;
  const bool tiled = TIFFIsTiled(file) != 0;
  const std::uint32_t blocks = tiled ? TIFFNumberOfTiles(file) : TIFFNumberOfStrips(file);
  const auto most = static_cast<std::uint64_t>(tiled ? TIFFTileSize(file) : TIFFStripSize(file));
  std::vector<unsigned char> bytes;
  for (std::uint32_t block = 0; block < blocks; ++block) {
    const auto fault = [&](const std::string& what) {
      return data_error(place,
                        "cannot read its pixels (deflated block {}: {}); the file is damaged; fetch or make it again",
                        block, what);
    };
    const std::uint64_t size = TIFFGetStrileByteCount(file, block);
    if (size == 0) continue;  // sparse, or lost: the reader of pixels says which
    if (size > file_bytes) throw fault(fmt::format("claims {} bytes", size));
    bytes.resize(size);
    const auto wanted = static_cast<tmsize_t>(size);
    const tmsize_t got = tiled ? TIFFReadRawTile(file, block, bytes.data(), wanted)
                               : TIFFReadRawStrip(file, block, bytes.data(), wanted);
    if (got != wanted) throw fault("its bytes are missing");
    if (order == FILLORDER_LSB2MSB) TIFFReverseBits(bytes.data(), wanted);
    if (const std::string what = zlib_fault(bytes, most); !what.empty()) throw fault(what);
  }
}

}  // namespace recon
