#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace recon {

/// Raw multi-coil Cartesian k-space of two-dimensional slices, as scanners' and other programs' files hold it.
struct KspaceSet {
  std::string format;            ///< "ISMRMRD", "fastMRI", "BART"
  std::vector<std::string> ids;  ///< one per item: slices, repetitions, ...
  at::Tensor kspace;  ///< [N, coils, H, W] complex64, zero frequency at [H/2, W/2], readout along H; 0: unsampled
  at::Tensor noise;   ///< noise scan [coils, n] complex64 of the level of `kspace`; undefined without one
  std::int64_t readout = 0;  ///< pixels of the readout's field of view to keep, centred; 0 or H: all
  std::string description;   ///< free text: system, protocol, what was averaged and left out
};

/// True when the file is one of those that read_kspace takes, by its structure; single-coil fastMRI is not
/// (data/fastmri_file.h).
bool is_kspace_file(const std::string& path);

/// ISMRMRD (HDF5 with /dataset/data and /dataset/xml; Inati et al. 2017), fastMRI multi-coil (HDF5 with `kspace`
/// [slices, coils, H, W] and `ismrmrd_header`; Knoll et al. 2020) or BART (bart_file.h; axes 0, 1 the slice, 3 coils,
/// 13 slices). Throws Error(data) naming the file, what was expected and found.
KspaceSet read_kspace(const std::string& path);

}  // namespace recon
