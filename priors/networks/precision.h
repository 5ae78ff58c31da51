#pragma once

#include <ATen/autocast_mode.h>
#include <c10/core/Device.h>

#include "recon/core/words.h"

namespace recon {

/// Of a network's convolutions and matrix products. bfloat16 has the range of float32 and 8 bits of mantissa; weights,
/// norms, and everything around the network stay float32. It is faster where the processor has AMX or AVX512-BF16.
enum class Precision { float32, bfloat16 };
constexpr auto words_of(Precision) {
  using enum Precision;
  return std::to_array<Word<Precision>>({{float32, "float32"}, {bfloat16, "bfloat16"}});
}

/// Networks called on this thread while it lives compute in that precision; what autograd records then goes back in it.
class PrecisionScope {
 public:
  PrecisionScope(Precision precision, c10::Device device)
      : reduced_(precision != Precision::float32), type_(device.type()) {
    if (!reduced_) return;
    at::autocast::set_autocast_dtype(type_, at::kBFloat16);
    at::autocast::set_autocast_enabled(type_, true);
  }
  ~PrecisionScope() {
    if (!reduced_) return;
    at::autocast::clear_cache();  // of the weights that were cast
    at::autocast::set_autocast_enabled(type_, false);
  }
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  bool reduced_;
  c10::DeviceType type_;
};

}  // namespace recon
