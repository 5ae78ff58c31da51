#pragma once

#include <string>
#include <utility>

#include "recon/core/error.h"

namespace recon {

/// An algorithm has no use for an operator of this kind, whatever its options: Error(usage) that names alternatives.
class UnsuitableOperator final : public Error {
 public:
  template <class... Args>
  UnsuitableOperator(std::string needed_by, fmt::format_string<Args...> format, Args&&... args)
      : Error(ErrorKind::usage, std::move(needed_by), fmt::format(format, std::forward<Args>(args)...)) {}
};

}  // namespace recon
