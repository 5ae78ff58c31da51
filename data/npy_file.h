#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "data/stored_array.h"

namespace recon {

/// Whether a file begins as numpy.save() writes it.
bool is_npy(const std::string& path);

/// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3, both byte orders,
/// C and Fortran order; numbers only. Throws Error(data) for damage, objects, structured types, more than `max_bytes`.
StoredArray read_npy(const std::string& path, std::int64_t max_bytes = std::int64_t{16} << 30);

/// The same of the bytes of such a file; `place` is for messages.
StoredArray npy_array(std::string bytes, const std::string& place);

/// float32, float64, complex64 or complex128, version 1.0, atomically.
void write_npy(const std::string& path, const at::Tensor& values);

}  // namespace recon
