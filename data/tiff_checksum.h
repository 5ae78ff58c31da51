#pragma once

#include <string>

struct tiff;

namespace recon {

/// Holds the blocks (strips, tiles) of the current page of an open TIFF file against their checksums, where the page is
/// compressed by deflate: each block is a zlib stream (RFC 1950), which ends with the Adler-32 of its content. libtiff
/// stops as soon as it has its pixels, before the checksum. Other compressions have none.
///
/// Throws Error(data) naming `place` where a checksum is another one, a stream breaks off or holds more than the
/// block's pixels, or a block claims more bytes than `file_bytes`.
void require_checksums(tiff* file, const std::string& place, std::size_t file_bytes);

}  // namespace recon
