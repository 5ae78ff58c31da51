#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <vector>

namespace recon {

/// Writes elements 0..count-1 of the normal sequence of (keys[i], step) to out + i count; see philox.h. One launch for
/// up to 256 keys.
void philox_normal(float* out, std::int64_t count, const std::vector<std::uint64_t>& keys, std::uint32_t step,
                   cudaStream_t stream);
void philox_normal(double* out, std::int64_t count, const std::vector<std::uint64_t>& keys, std::uint32_t step,
                   cudaStream_t stream);

}  // namespace recon
