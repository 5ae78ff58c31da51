#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace recon {

/// The array of a NumPy file.
struct NpyArray {
  at::Tensor values;      ///< float32, complex64, complex128; integers, booleans and float64: float64
  double full_scale = 1;  ///< 255 or 65535 for unsigned integers of 8 or 16 bits

  at::Tensor scaled() const;  ///< in units of full scale: values / full_scale
};

/// Whether a file begins as numpy.save() writes it.
bool is_npy(const std::string& path);

/// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3, both byte orders,
/// C and Fortran order; numbers only. Throws Error(data) for damage, objects, structured types, more than `max_bytes`.
NpyArray read_npy(const std::string& path, std::int64_t max_bytes = std::int64_t{16} << 30);

/// float32, float64, complex64 or complex128, version 1.0, atomically.
void write_npy(const std::string& path, const at::Tensor& values);

}  // namespace recon
