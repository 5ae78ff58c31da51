#include "recon/core/out_of_memory.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

namespace recon {
namespace {

// c10 has a type of exception for GPUs only; on the CPU, and in CUDA's libraries, the text is all there is.
constexpr std::array<std::string_view, 4> memory_faults = {"can't allocate memory", "out of memory",
                                                           "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"};

}  // namespace

OutOfMemory::OutOfMemory(const std::string& what, const std::string& reason)
    : Error(ErrorKind::internal, "memory",
            fmt::format("{} does not fit even alone ({}); use a smaller image or network, another --device, or a "
                        "machine with more memory",
                        what, reason)) {}

std::string first_line_of(const std::exception& error) {
  const auto* from_aten = dynamic_cast<const c10::Error*>(&error);
  const std::string text = from_aten != nullptr ? from_aten->what_without_backtrace() : error.what();
  return text.substr(0, text.find('\n'));
}

bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  if (dynamic_cast<const OutOfMemory*>(&error) != nullptr) return true;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  if (dynamic_cast<const c10::Error*>(&error) == nullptr) return false;
  const std::string text = first_line_of(error);
  return std::any_of(memory_faults.begin(), memory_faults.end(),
                     [&](std::string_view fault) { return text.find(fault) != std::string::npos; });
}

}  // namespace recon
