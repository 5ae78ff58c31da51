#include "recon/core/all_finite.h"

#include <ATen/ATen.h>

#include <cstdint>

namespace recon {
namespace {

/// A number is NaN or infinite when all bits of its exponent are set: one pass without roots or branches.
template <typename Bits>
bool no_exponent_full(const void* numbers, std::int64_t count, Bits exponent) {
  const auto* bits = static_cast<const Bits*>(numbers);
  Bits any = 0;
  for (std::int64_t i = 0; i < count; ++i) any |= static_cast<Bits>((bits[i] & exponent) == exponent);
  return any == 0;
}

}  // namespace

bool all_finite(const at::Tensor& tensor) {
  const at::ScalarType real = c10::toRealValueType(tensor.scalar_type());
  if (tensor.is_cpu() && tensor.is_contiguous() && (real == at::kFloat || real == at::kDouble)) {
    const std::int64_t count = tensor.numel() * (tensor.is_complex() ? 2 : 1);
    return real == at::kFloat ? no_exponent_full<std::uint32_t>(tensor.const_data_ptr(), count, 0x7F800000U)
                              : no_exponent_full<std::uint64_t>(tensor.const_data_ptr(), count, 0x7FF0000000000000U);
  }
  return at::isfinite(tensor).all().item<bool>();
}

}  // namespace recon
