#include "recon/core/lfs_pointer.h"

#include "recon/core/error.h"

namespace recon {

void refuse_lfs_pointer(std::string_view bytes, const std::string& path) {
  if (!bytes.starts_with("version https://git-lfs.github.com/spec/")) return;
  constexpr std::string_view key = "\nsize ";
  const std::size_t at = bytes.substr(0, 1024).find(key);
  std::string_view size = at == std::string_view::npos ? "" : bytes.substr(at + key.size(), 20);
  size = size.substr(0, size.find_first_not_of("0123456789"));
  throw data_error(path,
                   "this is a Git LFS pointer, three lines that stand for the file{}; fetch the file itself: git lfs "
                   "pull, or download it from the hub's page of the file",
                   size.empty() ? "" : fmt::format(" of {} bytes", size));
}

}  // namespace recon
