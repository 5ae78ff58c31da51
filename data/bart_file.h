#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace recon {

/// BART's array files: BASE.hdr (text: "# Dimensions", then up to 16 sizes, the first index fastest) and BASE.cfl
/// (complex64, little endian). BART's axes: 0 readout, 1 and 2 phase, 3 coils, 4 sets of maps, 13 slices.

/// True for BASE, BASE.hdr and BASE.cfl when BASE.hdr is there.
bool is_bart_file(const std::string& path);

/// The array indexed as in BART, always [16 sizes]: complex64, a strided view with the first axis fastest. Throws
/// Error(data) naming the file when a part is missing, the header is damaged, or the sizes do not match the bytes.
at::Tensor read_bart(const std::string& path, std::int64_t max_bytes = std::int64_t{16} << 30);

/// K-space, or coil maps, of slices [slices, coils, H, W] out of read_bart's array: H and W are those of the axes 0, 1
/// and 2 that are longer than 1 (`bart transpose`d or selected from a volume: 1 x ky x kz), 0 and 1 when only one is.
/// Throws Error(data) naming `path` for a volume and for other axes than 3 and 13.
at::Tensor bart_slices(const at::Tensor& stored, const std::string& path);

/// Writes `value` (at most 16 axes, BART's order; real or complex) to BASE.cfl and then BASE.hdr, each atomically.
void write_bart(const std::string& path, const at::Tensor& value);

}  // namespace recon
