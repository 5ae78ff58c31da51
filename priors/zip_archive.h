#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct zip;

namespace recon {

/// The entries of a zip archive in memory, read by libzip.
///
/// Entries that are read must be stored, as torch.save writes them: compressed or encrypted ones are refused, so that
/// no entry is larger than the file and a small file cannot ask for much memory. Everything is read with its checksum.
/// Throws Error(data) at `location` for an archive that is truncated or inconsistent, repeats a name, or whose entries
/// overlap (together they are longer than the file). One thread at a time.
class ZipArchive {
 public:
  static constexpr std::size_t kMaxEntries = 100'000;

  /// `bytes` must outlive the archive.
  ZipArchive(std::string_view bytes, std::string location);

  std::vector<std::string> names() const;
  bool contains(const std::string& name) const { return entries_.contains(name); }
  std::uint64_t size(const std::string& name) const { return entry(name).bytes; }
  /// Exactly size(name) bytes. Throws Error(data) for a missing entry and a wrong checksum.
  void read(const std::string& name, char* into) const;

 private:
  struct Entry {
    std::uint64_t index = 0, bytes = 0;
    bool stored = true;
  };
  const Entry& entry(const std::string& name) const;
  void add_entry(std::uint64_t index);

  std::string location_;
  std::unique_ptr<zip, void (*)(zip*)> archive_;
  std::map<std::string, Entry> entries_;
};

}  // namespace recon
