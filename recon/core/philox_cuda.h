#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace recon {

/// Launches the kernel that writes elements 0..count-1 of the normal sequence of (key, step); see philox.h.
void philox_normal(float* out, std::int64_t count, std::uint64_t key, std::uint32_t step, cudaStream_t stream);
void philox_normal(double* out, std::int64_t count, std::uint64_t key, std::uint32_t step, cudaStream_t stream);

}  // namespace recon
