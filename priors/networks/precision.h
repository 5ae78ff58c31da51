#pragma once

#include <c10/core/Device.h>

#include <string>

#include "recon/core/words.h"

namespace recon {

/// Of a network's convolutions and matrix products; weights, norms, and everything around the network stay float32.
///
/// float32 is IEEE float32 everywhere. tf32, on NVIDIA GPUs from compute capability 8.0 on, rounds their factors to 11
/// bits of mantissa and adds in float32. bfloat16 has the range of float32 and 8 bits of mantissa: faster on a CPU that
/// has AMX or AVX512-BF16, and on GPUs from 8.0 on. float16 has 11 bits and a small range; GPUs only.
enum class Precision { float32, tf32, bfloat16, float16 };
constexpr auto words_of(Precision) {
  using enum Precision;
  return std::to_array<Word<Precision>>(
      {{float32, "float32"}, {tf32, "tf32"}, {bfloat16, "bfloat16"}, {float16, "float16"}});
}

/// Why a device cannot compute so, and what to take instead; empty: it can. `capability`: of DeviceBackend.
std::string why_not(Precision precision, c10::DeviceType type, int capability);

/// Throws Error(usage) saying why_not().
void require_precision(Precision precision, c10::Device device);

/// Networks called on this thread while it lives compute in that precision; what autograd records then goes back in it,
/// but for tf32, whose way back needs a scope of its own.
class PrecisionScope {
 public:
  PrecisionScope(Precision precision, c10::Device device);
  ~PrecisionScope();
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

  /// Of the innermost scope on this thread; float32 without one.
  static Precision current();

 private:
  Precision precision_, outer_;
  c10::DeviceType type_;
};

}  // namespace recon
