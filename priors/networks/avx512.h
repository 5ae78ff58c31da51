#pragma once

// Kernels of our own for processors with AVX-512. They are compiled whatever the build is for, and asked for before
// they are called: has_avx512() and has_avx512_bfloat16() are false on other processors, where LibTorch's kernels are
// taken.

namespace recon {

/// AVX-512 F, BW, DQ and VL.
bool has_avx512();
/// Beside that AVX512-BF16, without AMX: there LibTorch's convolutions, on AMX's tiles, are several times as fast.
bool has_avx512_bfloat16();

}  // namespace recon
