#pragma once

#include <functional>
#include <string>

#include "data/kspace_set.h"
#include "recon/core/registry.h"

namespace recon {

/// A format of raw multi-coil k-space, which `recon import` takes.
struct KspaceFormat {
  std::string name;     ///< "bart"
  std::string summary;  ///< what its files are, for messages: "a BART array (.cfl, .hdr)"
  std::function<bool(const std::string& path)> recognises;  ///< called with files of any kind
  /// Throws Error(data) naming the file, what was expected and found.
  std::function<KspaceSet(const std::string& path, const KspaceOptions& options)> read;
};

const Registry<KspaceFormat>& kspace_formats();
/// The same, to add formats of one's own to (Registry::add); before they are first used.
Registry<KspaceFormat>& mutable_kspace_formats();

/// True when the file is one of those that read_kspace takes, by its structure; single-coil fastMRI is not
/// (data/fastmri_file.h).
bool is_kspace_file(const std::string& path);

/// ISMRMRD (HDF5 with a group of `data` and `xml`, most often /dataset; Inati et al. 2017), fastMRI multi-coil (HDF5
/// with `kspace` [slices, coils, H, W] and `ismrmrd_header`; Knoll et al. 2020) or BART (bart_file.h; two of the axes
/// 0, 1 and 2 are the slice, 3 coils, 13 slices). Throws Error(data) naming the file, what was expected and found.
KspaceSet read_kspace(const std::string& path, const KspaceOptions& options = {});

}  // namespace recon
