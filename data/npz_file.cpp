#include "data/npz_file.h"

#include <fmt/ranges.h>
#include <zip.h>

#include <algorithm>
#include <fstream>
#include <memory>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr const char* npy_ending = ".npy";
constexpr zip_int64_t most_entries = 100'000;
constexpr std::uint64_t deflate_limit = 1032;  ///< a byte unpacks to no more (zlib's technical details)

using Archive = std::unique_ptr<zip_t, void (*)(zip_t*)>;

Archive open_npz(const std::string& path) {
  int status = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &status), zip_discard);
  if (archive == nullptr) {
    zip_error_t fault;
    zip_error_init_with_code(&fault, status);
    const std::string reason = zip_error_strerror(&fault);
    zip_error_fini(&fault);
    throw data_error(path,
                     "expected NumPy arrays in a zip archive (numpy.savez), it cannot be opened ({}); fetch it "
                     "again",
                     reason);
  }
  const zip_int64_t entries = zip_get_num_entries(archive.get(), 0);
  if (entries > most_entries) throw data_error(path, "expected {} arrays at most, got {}", most_entries, entries);
  return archive;
}

std::vector<std::string> names_in(zip_t* archive) {
  std::vector<std::string> names;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); ++i) {
    const char* text = zip_get_name(archive, static_cast<zip_uint64_t>(i), 0);
    const std::string name = text == nullptr ? "" : text;
    if (name.ends_with(npy_ending)) names.push_back(name.substr(0, name.size() - std::string(npy_ending).size()));
  }
  return names;
}

std::string bytes_of(zip_t* archive, const std::string& entry, const std::string& place, std::int64_t max_bytes) {
  zip_stat_t found;
  zip_stat_init(&found);
  constexpr zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_INDEX;
  if (zip_stat(archive, entry.c_str(), 0, &found) != 0 || (found.valid & needed) != needed) {
    throw data_error(place, "cannot be found in the archive ({}); fetch the file again", zip_strerror(archive));
  }
  if (found.size > static_cast<std::uint64_t>(max_bytes) || found.size / deflate_limit > found.comp_size) {
    throw data_error(place, "claims {} bytes, {} are stored: too large, or damaged", found.size, found.comp_size);
  }
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(archive, found.index, 0), zip_fclose);
  if (file == nullptr) throw data_error(place, "cannot be read ({}); save it again", zip_strerror(archive));
  std::string bytes(found.size, '\0');
  std::uint64_t done = 0;
  while (done < found.size) {
    const zip_int64_t got = zip_fread(file.get(), bytes.data() + done, found.size - done);
    if (got <= 0) break;
    done += static_cast<std::uint64_t>(got);
  }
  char beyond = 0;  // reading past the end is what makes libzip compare the checksum
  if (done != found.size || zip_fread(file.get(), &beyond, 1) != 0) {
    throw data_error(place, "is damaged ({}); fetch the file again", zip_file_strerror(file.get()));
  }
  return bytes;
}

}  // namespace

bool is_npz(const std::string& path) {
  std::string begin(4, '\0');
  std::ifstream file(path, std::ios::binary);
  // The ending tells it from other archives (.pt, .docx).
  return path.ends_with(".npz") && file.read(begin.data(), 4) && begin.starts_with("PK");
}

std::vector<std::string> npz_names(const std::string& path) { return names_in(open_npz(path).get()); }

StoredArray read_npz(const std::string& path, const std::string& name, std::int64_t max_bytes) {
  const Archive archive = open_npz(path);
  const std::vector<std::string> names = names_in(archive.get());
  if (names.empty()) throw data_error(path, "expected NumPy arrays, the archive has none");
  if (name.empty() && names.size() > 1) {
    throw data_error(path, "has several arrays: {}; say which by `variable: NAME`", fmt::join(names, ", "));
  }
  const std::string wanted = name.empty() ? names.front() : name;
  if (std::find(names.begin(), names.end(), wanted) == names.end()) {
    throw data_error(path, "has no array '{}', only {}", wanted, fmt::join(names, ", "));
  }
  const std::string place = path + ":/" + wanted;
  return npy_array(bytes_of(archive.get(), wanted + npy_ending, place, max_bytes), place);
}

}  // namespace recon
