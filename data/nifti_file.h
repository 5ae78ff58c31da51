#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "data/image_geometry.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// A volume, or several, of a NIfTI-1 or NIfTI-2 file in one part (.nii, .nii.gz), either byte order.
///
/// Layout: https://nifti.nimh.nih.gov/nifti-1 (nifti1.h) and nifti-2 (nifti2.h). Numbers: integers of 8 to 64 bits,
/// float32, float64, complex64, complex128; a voxel is slope * stored + intercept (a slope of 0: as stored). Colours
/// and quadruple precision are refused.
class NiftiFile {
 public:
  /// Throws Error(data) for damage, pairs of .hdr and .img, types that hold no such numbers, more than `max_bytes`.
  static NiftiFile open(const std::string& path, std::int64_t max_bytes = std::int64_t{16} << 30);

  /// Slices across `axis` (0: x, 1: y, 2: z), of each volume after the other. The other axes keep their order: the
  /// first of them runs along W, the second down H.
  struct Slices {
    at::Tensor stored;  ///< [N, H, W], as the file holds them
    double slope = 1, intercept = 0;
    ImageGeometry geometry;

    at::Tensor slice(std::int64_t index) const;  ///< [H, W], float64 or complex128: slope * stored + intercept
  };
  Slices across(int axis) const;

 private:
  at::Tensor stored_;  ///< [frames, z, y, x]
  double slope_ = 1, intercept_ = 0;
  ImageGeometry geometry_;  ///< of slices across z
};

/// Whether a file begins as NIfTI does, also packed by gzip (by its name .nii.gz).
bool is_nifti(const std::string& path);

/// All slices across z, [N, H, W]: float32, complex64 where complex numbers are stored.
at::Tensor read_nifti(const std::string& path, std::int64_t max_bytes = std::int64_t{16} << 30);

/// A stack of slices [N, H, W] (real: float32, complex: complex64) as NIfTI-1, one file (.nii, or .nii.gz compressed),
/// atomically.
///
/// x runs along W, y along H downwards, z over the slices, in millimetres. With an affine it is the sform of the file;
/// without, no orientation is claimed (qform and sform code 0). Whole volumes of `geometry.slices` each become the
/// fourth axis. Throws Error(usage) for more than 32767 a side.
void write_nifti(const std::string& path, const at::Tensor& stack, const ImageGeometry& geometry);

}  // namespace recon
