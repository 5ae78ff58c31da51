#pragma once

#include <exception>
#include <string>

#include "recon/core/error.h"

namespace recon {

/// What does not fit into memory however little of it is computed at a time: Error(internal) at `memory`.
class OutOfMemory final : public Error {
 public:
  /// `what` does not fit, "an image of ..."; `reason` is what the allocator said.
  OutOfMemory(const std::string& what, const std::string& reason);
};

/// Whether this says that memory could not be had: std::bad_alloc, c10::OutOfMemoryError (GPUs), the c10::Error of
/// ATen's allocator for the CPU, the libraries of CUDA, OutOfMemory.
bool is_out_of_memory(const std::exception& error);

/// The first line of what it says, without ATen's backtrace.
std::string first_line_of(const std::exception& error);

}  // namespace recon
