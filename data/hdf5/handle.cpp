#include "data/hdf5/handle.h"

#include <algorithm>
#include <vector>

#include "data/hdf5/lzf_filter.h"
#include "data/isolated_process.h"

namespace recon::hdf5 {
namespace {

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

herr_t collect(unsigned, const H5E_error2_t* entry, void* out) {
  auto& reasons = *static_cast<std::vector<std::string>*>(out);
  if (entry->desc != nullptr && *entry->desc != '\0') reasons.emplace_back(entry->desc);
  return 0;
}

/// What the system said, where HDF5's line of a failed system call quotes it: the rest are times, addresses and sizes.
std::string essence(const std::string& reason) {
  const std::string head = "error message = '";
  const std::size_t begin = reason.find(head);
  const std::size_t end = begin == std::string::npos ? begin : reason.find('\'', begin + head.size());
  return end == std::string::npos ? reason : reason.substr(begin + head.size(), end - begin - head.size());
}

std::string library_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace

Lock::Lock() : guard_(library_mutex(), std::defer_lock) {
  if (!in_child_process()) guard_.lock();
  // Without HDF5's exit handler: after a full disk it would try to flush the broken file again.
  static const herr_t once = H5dont_atexit();
  static_cast<void>(once);
  static const bool lzf = register_lzf_filter();
  static_cast<void>(lzf);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5Eclear2(H5E_DEFAULT);
}

Handle::~Handle() { close(); }

bool Handle::close() {
  if (id_ < 0) return true;
  const Lock lock;
  const bool closed = close_(id_) >= 0;
  id_ = -1;
  return closed;
}

Error failure(const std::string& location, const std::string& action, const char* advice) {
  std::vector<std::string> reasons;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &reasons);
  std::string why = reasons.empty() ? "HDF5 gives no reason" : essence(reasons.front());
  if (reasons.size() > 1 && reasons.back() != reasons.front()) why += "; " + reasons.back();
  const bool newer = std::any_of(reasons.begin(), reasons.end(),
                                 [](const std::string& reason) { return reason.find("version") != std::string::npos; });
  if (newer && advice == damaged) {
    return data_error(
        location,
        "cannot {} ({}); it was made by a newer HDF5 than the {} of recon, or is damaged; write it for "
        "older readers, in Python h5py.File(NAME, 'w', libver=('earliest', 'v110')), or convert it by the "
        "newer HDF5's h5repack -k 2",
        action, why, library_version());
  }
  return data_error(location, "cannot {} ({}); {}", action, why, advice);
}

hid_t checked(hid_t id, const std::string& location, const char* action, const char* advice) {
  if (id < 0) throw failure(location, action, advice);
  return id;
}

}  // namespace recon::hdf5
