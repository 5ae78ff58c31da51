#pragma once

#include <string>
#include <string_view>

namespace recon {

/// SHA-256 (FIPS 180-4, by OpenSSL's libcrypto) as "sha256:" and 64 hexadecimal digits, what `sha256sum` prints.
std::string content_hash(std::string_view bytes);

/// Of a file's bytes, read in pieces. Throws Error(data) when the file cannot be read.
std::string content_hash_of_file(const std::string& path);

/// Of a file as above; of a folder, the hash of the lines "HASH  RELATIVE/PATH\n" of all its regular files sorted by
/// path (`find -type f -printf '%P\n' | sort | xargs sha256sum`, then hashed): names a prior directory.
std::string content_hash_of_path(const std::string& path);

}  // namespace recon
