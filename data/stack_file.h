#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>

namespace recon {

/// Size of a pixel along W and H and the distance of the slices, in mm.
using VoxelSize = std::array<double, 3>;

/// A stack of slices [N, H, W], or several of them [T, N, H, W] as the fourth axis where T > 1 (real: float32, complex:
/// complex64) as NIfTI-1, one file (.nii, or .nii.gz compressed), atomically.
///
/// x runs along W, y along H downwards, z over the slices; no orientation is claimed (qform and sform code 0), as none
/// is known. Layout: https://nifti.nimh.nih.gov/nifti-1 (nifti1.h). Throws Error(usage) for more than 32767 a side.
void write_nifti(const std::string& path, const at::Tensor& stack, const VoxelSize& voxel_mm);

/// The slices [N, H, W] of a NIfTI-1 file (.nii or .nii.gz, little endian, values times its slope plus its intercept),
/// what lies beyond the third axis one after the other: float32, complex64 as stored. x along W, y along H as in
/// write_nifti; what the file says of orientation is not applied. Throws Error(data) for damage and types that hold no
/// numbers.
at::Tensor read_nifti(const std::string& path, std::int64_t max_bytes = std::int64_t{16} << 30);

/// A stack of slices [N, H, W] as pages of a TIFF file of float32 (complex: magnitude), uncompressed, atomically.
void write_tiff_stack(const std::string& path, const at::Tensor& stack);

}  // namespace recon
