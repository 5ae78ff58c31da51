#include "priors/zip_archive.h"

#include <zip.h>

#include "recon/core/error.h"

namespace recon {
namespace {

/// libzip's error value, freed.
struct ZipError {
  ZipError() { zip_error_init(&error); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  ~ZipError() { zip_error_fini(&error); }
  std::string text() { return zip_error_strerror(&error); }

  zip_error_t error{};
};

zip* open_archive(std::string_view bytes, const std::string& location) {
  ZipError fault;
  zip_source_t* const source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &fault.error);
  zip* const archive = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &fault.error);
  if (archive != nullptr) return archive;  // owns the source
  if (source != nullptr) zip_source_free(source);
  throw data_error(location, "not a zip archive, or a truncated one: {}", fault.text());
}

}  // namespace

ZipArchive::ZipArchive(std::string_view bytes, std::string location)
    : location_(std::move(location)), archive_(open_archive(bytes, location_), zip_discard) {
  const auto count = static_cast<std::uint64_t>(zip_get_num_entries(archive_.get(), 0));
  if (count > kMaxEntries) throw data_error(location_, "{} entries in the zip archive, limit {}", count, kMaxEntries);
  for (std::uint64_t i = 0; i < count; ++i) add_entry(i);
  std::uint64_t total = 0;
  for (const auto& [name, entry] : entries_) {
    if (!entry.stored) continue;
    total += entry.bytes;  // no overflow: each is at most the size of the file, and there are few
    if (entry.bytes > bytes.size() || total > bytes.size()) {
      throw data_error(location_, "entry '{}': the zip entries overlap or go beyond the file of {} bytes", name,
                       bytes.size());
    }
  }
}

void ZipArchive::add_entry(std::uint64_t index) {
  zip_stat_t status;
  zip_stat_init(&status);
  constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  if (zip_stat_index(archive_.get(), index, 0, &status) != 0 || (status.valid & kNeeded) != kNeeded) {
    throw data_error(location_, "zip entry {} cannot be understood: {}", index, zip_strerror(archive_.get()));
  }
  const bool stored = status.comp_method == ZIP_CM_STORE && status.encryption_method == ZIP_EM_NONE;
  if (!entries_.emplace(status.name, Entry{index, status.size, stored}).second) {
    throw data_error(location_, "zip entry '{}' is there twice", status.name);
  }
}

std::vector<std::string> ZipArchive::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

const ZipArchive::Entry& ZipArchive::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw data_error(location_, "there is no zip entry '{}'", name);
  if (!found->second.stored) {
    throw data_error(
        location_,
        "zip entry '{}' is compressed or encrypted; torch.save stores entries as they are: save it anew by it", name);
  }
  return found->second;
}

void ZipArchive::read(const std::string& name, char* into) const {
  const Entry& wanted = entry(name);
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(archive_.get(), wanted.index, 0),
                                                               zip_fclose);
  if (!file) throw data_error(location_, "zip entry '{}' cannot be read: {}", name, zip_strerror(archive_.get()));
  std::uint64_t done = 0;
  while (done < wanted.bytes) {
    const zip_int64_t got = zip_fread(file.get(), into + done, wanted.bytes - done);
    if (got <= 0) break;
    done += static_cast<std::uint64_t>(got);
  }
  char beyond = 0;  // libzip compares the checksum when it comes to the end
  if (done != wanted.bytes || zip_fread(file.get(), &beyond, 1) != 0) {
    throw data_error(location_, "zip entry '{}' is damaged: {}", name, zip_file_strerror(file.get()));
  }
}

}  // namespace recon
