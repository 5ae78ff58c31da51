#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace recon {

/// Whose fault an Error is; the program's exit code follows from it.
enum class ErrorKind {
  usage,    ///< command line or config: exit code 2
  data,     ///< a file, array or checkpoint: exit code 3
  internal  ///< our own fault: exit code 4
};

/// The one exception type for faults of the user or of the data.
///
/// `what()` reads "LOCATION: MESSAGE". The location is a file, dataset, config line or function; the message says what
/// was expected, what was found and what to do about it.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string location, const std::string& message)
      : std::runtime_error(location.empty() ? message : location + ": " + message),
        kind_(kind),
        location_(std::move(location)) {}

  ErrorKind kind() const noexcept { return kind_; }
  const std::string& location() const noexcept { return location_; }

 private:
  ErrorKind kind_;
  std::string location_;
};

/// `throw usage_error(location, "expected {}", x)`: a fault in the command line or in a config.
template <class... Args>
[[nodiscard]] Error usage_error(std::string location, fmt::format_string<Args...> format, Args&&... args) {
  return {ErrorKind::usage, std::move(location), fmt::format(format, std::forward<Args>(args)...)};
}

/// A fault in a file, in an array or in a checkpoint.
template <class... Args>
[[nodiscard]] Error data_error(std::string location, fmt::format_string<Args...> format, Args&&... args) {
  return {ErrorKind::data, std::move(location), fmt::format(format, std::forward<Args>(args)...)};
}

/// A broken contract between our own parts.
template <class... Args>
[[nodiscard]] Error internal_error(std::string location, fmt::format_string<Args...> format, Args&&... args) {
  return {ErrorKind::internal, std::move(location), fmt::format(format, std::forward<Args>(args)...)};
}

}  // namespace recon
