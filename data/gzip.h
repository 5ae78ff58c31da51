#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace recon {

/// Whether bytes begin as a gzip file does.
bool is_gzip(const std::string& bytes);
std::string gzip(const std::string& bytes);
/// The content of a gzip file. Throws Error(data) at `path` for damage and for more than `max_bytes`.
std::string gunzip(const std::string& bytes, std::int64_t max_bytes, const std::string& path);

/// The content of a zlib stream (RFC 1950), as above; with `first_bytes` that many of its beginning, or all.
std::string unpack_zlib(std::string_view bytes, std::int64_t max_bytes, const std::string& path,
                        std::size_t first_bytes = 0);

}  // namespace recon
