#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/BFloat16.h>

namespace recon {

/// Calls `work` with a null pointer to the type of the entries of x, float32 or bfloat16.
template <class Work>
void with_entry_of(const at::Tensor& x, Work work) {
  if (x.scalar_type() == at::kBFloat16) return work(static_cast<c10::BFloat16*>(nullptr));
  work(static_cast<float*>(nullptr));
}

}  // namespace recon
