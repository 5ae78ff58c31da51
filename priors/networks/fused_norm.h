#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace recon {

/// Whether fused_norm() takes it: on the CPU, has_avx512(), [B, C, H, W] channels last in float32 or bfloat16; the
/// weights float32.
bool takes_fused_norm(const at::Tensor& x, const at::Tensor& weight);

/// Group normalisation (Wu & He 2018), then SiLU if `silu`. Sums are taken in float32 and double, and nothing is
/// rounded between the two. Keeps x alone for the way back. Differentiable once.
at::Tensor fused_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                      double eps, bool silu);

}  // namespace recon
