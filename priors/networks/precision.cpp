#include "priors/networks/precision.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>

#include <mutex>

#include "recon/core/cuda_capability.h"
#include "recon/core/device.h"
#include "recon/core/error.h"

namespace recon {
namespace {

thread_local Precision current_precision = Precision::float32;

bool is_reduced(Precision precision) { return precision == Precision::bfloat16 || precision == Precision::float16; }

/// ATen's switch is the process's: on while anybody has asked.
void ask_for_tf32(int more) {
  static std::mutex mutex;
  static int asked = 0;
  const std::lock_guard lock(mutex);
  const bool was = asked > 0;
  asked += more;
  if (was == (asked > 0)) return;
  at::globalContext().setAllowTF32CuDNN(asked > 0);
  at::globalContext().setAllowTF32CuBLAS(asked > 0);
}

}  // namespace

std::string why_not(Precision precision, c10::DeviceType type, int capability) {
  constexpr int ampere = 80;
  if (precision == Precision::float32) return "";
  if (type == c10::kCPU) {
    if (precision == Precision::bfloat16) return "";
    return fmt::format("{} is for GPUs; a CPU takes float32, bfloat16 or auto", to_string(precision));
  }
  if (type != c10::kCUDA || precision == Precision::float16 || capability >= ampere) return "";
  return fmt::format("{} needs a GPU of compute capability {}, this one has {}; take float32 or float16",
                     to_string(precision), capability_text(ampere), capability_text(capability));
}

void require_precision(Precision precision, c10::Device device) {
  const int capability = device.is_cpu() ? 0 : device_backend(device).capability(device.index());
  const std::string why = why_not(precision, device.type(), capability);
  if (!why.empty()) throw usage_error("precision", "{}", why);
}

PrecisionScope::PrecisionScope(Precision precision, c10::Device device)
    : precision_(precision), outer_(current_precision), type_(device.type()) {
  current_precision = precision;
  if (precision == Precision::tf32) ask_for_tf32(1);
  if (!is_reduced(precision)) return;
  at::autocast::set_autocast_dtype(type_, precision == Precision::float16 ? at::kHalf : at::kBFloat16);
  at::autocast::set_autocast_enabled(type_, true);
}

PrecisionScope::~PrecisionScope() {
  current_precision = outer_;
  if (precision_ == Precision::tf32) ask_for_tf32(-1);
  if (!is_reduced(precision_)) return;
  at::autocast::clear_cache();  // of the weights that were cast
  at::autocast::set_autocast_enabled(type_, false);
}

Precision PrecisionScope::current() { return current_precision; }

}  // namespace recon
