#pragma once

#include <cstdint>
#include <string>

#include "recon/core/parameters.h"

namespace recon {

/// How much memory a process may take: `auto`, or a number with a unit as in "4 GiB".
struct MemoryBudget {
  std::string text = "auto";

  /// The option `memory`. Throws Error(usage) for what is neither.
  void visit(ParameterVisitor& v);
  /// In bytes. `auto`: three quarters of what the machine has, or of the limit of the process's control group where
  /// that is less, shared by `processes`.
  std::int64_t bytes(std::int64_t processes = 1) const;
};

/// Bytes of memory that this process holds now, as the kernel counts them.
std::int64_t resident_bytes();

}  // namespace recon
