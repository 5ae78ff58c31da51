#include "data/content_hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "recon/core/error.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }
  void add(std::string_view bytes) { check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    check(EVP_DigestFinal_ex(context_.get(), digest.data(), &length));
    std::string text;
    for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
  }

 private:
  static void check(int status) {
    if (status != 1) throw internal_error("content_hash", "libcrypto refuses SHA-256");
  }
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

std::string hex_of_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream || fs::is_directory(path)) throw data_error(path, "expected a readable file; check path and permissions");
  Sha256 hash;
  std::vector<char> piece(std::size_t{1} << 20);
  while (stream) {
    stream.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    hash.add({piece.data(), static_cast<std::size_t>(stream.gcount())});
  }
  if (stream.bad()) throw data_error(path, "cannot be read to its end; check the disk");
  return hash.hex();
}

}  // namespace

std::string content_hash(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return "sha256:" + hash.hex();
}

std::string content_hash_of_file(const std::string& path) { return "sha256:" + hex_of_file(path); }

std::string content_hash_of_path(const std::string& path) {
  if (!fs::is_directory(path)) return content_hash_of_file(path);
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) names.push_back(fs::relative(entry.path(), path).generic_string());
  }
  std::sort(names.begin(), names.end());
  std::string lines;
  for (const auto& name : names) lines += hex_of_file((fs::path(path) / name).string()) + "  " + name + "\n";
  return content_hash(lines);
}

}  // namespace recon
