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

}  // namespace recon
