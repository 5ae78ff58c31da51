#pragma once

#include <ATen/core/Tensor.h>

namespace recon {

// Convolutions of AVX-512 read pixels as they lie, and norms of our own follow them (fused_norm.h): there networks keep
// the channels of a pixel side by side in memory.

/// Whether networks run so on x: on the CPU, has_avx512().
bool prefers_channels_last(const at::Tensor& x);

/// x [B, C, H, W] in that order of memory; x itself where it lies so. With one channel both orders are the same bytes,
/// and LibTorch goes by the strides: those are then of this order, too.
at::Tensor channels_last(const at::Tensor& x);

/// Both side by side along the channels. On the way back each part's gradient is laid out once, not by each of those
/// who read it.
at::Tensor concatenated_channels(const at::Tensor& a, const at::Tensor& b);

}  // namespace recon
