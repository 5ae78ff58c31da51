#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace recon {

/// Keeps the files that were read last open, so that a batch over thousands does not run out of descriptors. From
/// several threads.
template <class File>
class FilePool {
 public:
  explicit FilePool(std::function<File(const std::string& path)> open) : open_(std::move(open)) {}

  std::shared_ptr<const File> get(const std::string& path) {
    const std::lock_guard guard(mutex_);
    const auto found =
        std::find_if(files_.begin(), files_.end(), [&](const auto& entry) { return entry.first == path; });
    if (found != files_.end()) {
      files_.splice(files_.begin(), files_, found);
    } else {
      files_.emplace_front(path, std::make_shared<const File>(open_(path)));
      if (files_.size() > limit) files_.pop_back();
    }
    return files_.front().second;
  }

 private:
  static constexpr std::size_t limit = 16;

  std::function<File(const std::string&)> open_;
  std::mutex mutex_;
  std::list<std::pair<std::string, std::shared_ptr<const File>>> files_;  ///< the latest first
};

}  // namespace recon
