#pragma once

#include <hdf5.h>

// Private to data/hdf5: the LZF compression that h5py ships (compression="lzf"), for reading.
namespace recon::hdf5 {

/// Its number in the HDF Group's registry of filters.
inline constexpr H5Z_filter_t lzf_filter = 32000;

/// Makes HDF5 understand it, by Debian's liblzf. The parameters of a dataset are h5py's: revision of the filter,
/// version of LZF, bytes of a chunk before compression; a chunk that does not unpack to exactly that many is refused.
bool register_lzf_filter();

}  // namespace recon::hdf5
