#pragma once

#include <string>

#include "data/kspace_set.h"

namespace recon {

/// True when the file is one of those that read_kspace takes, by its structure; single-coil fastMRI is not
/// (data/fastmri_file.h).
bool is_kspace_file(const std::string& path);

/// ISMRMRD (HDF5 with /dataset/data and /dataset/xml; Inati et al. 2017), fastMRI multi-coil (HDF5 with `kspace`
/// [slices, coils, H, W] and `ismrmrd_header`; Knoll et al. 2020) or BART (bart_file.h; axes 0, 1 the slice, 3 coils,
/// 13 slices). Throws Error(data) naming the file, what was expected and found.
KspaceSet read_kspace(const std::string& path);

}  // namespace recon
