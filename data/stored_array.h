#pragma once

#include <ATen/core/Tensor.h>

namespace recon {

/// An array of a file of numbers (.npy, .npz, .mat).
struct StoredArray {
  at::Tensor values;      ///< float32, complex64, complex128; integers, booleans and float64: float64
  double full_scale = 1;  ///< 255 or 65535 for unsigned integers of 8 or 16 bits

  at::Tensor scaled() const;  ///< in units of full scale: values / full_scale
};

}  // namespace recon
