#pragma once

#include <mutex>
#include <set>
#include <string>

#include "recon/core/log.h"

namespace recon::log {

/// A warning that is given once per process, however often what it is about is looked at.
inline void warn_once(const std::string& text) {
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  if (said.insert(text).second) warn("{}", text);
}

/// What was chosen, said once per process.
inline void info_once(const std::string& text) {
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  if (said.insert(text).second) info("{}", text);
}

}  // namespace recon::log
