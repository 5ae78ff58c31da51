#pragma once

#include <cstdint>
#include <string>

namespace recon {

/// Whether bytes begin as a gzip file does.
bool is_gzip(const std::string& bytes);
std::string gzip(const std::string& bytes);
/// The content of a gzip file. Throws Error(data) at `path` for damage and for more than `max_bytes`.
std::string gunzip(const std::string& bytes, std::int64_t max_bytes, const std::string& path);

}  // namespace recon
