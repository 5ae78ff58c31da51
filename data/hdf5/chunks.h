#pragma once

#include <hdf5.h>

#include <string>

#include "data/hdf5/handle.h"
#include "recon/core/tensor_spec.h"

// Private to data/hdf5: HDF5 1.10 reads beyond the end of a chunk that unpacks to fewer bytes than its dataset says, as
// in a file whose chunk shape is damaged, and gives back whatever lies there.
namespace recon::hdf5 {

/// Throws Error(data) unless every stored chunk that the entries first .. first+count-1 of each axis lie in unpacks to
/// exactly the bytes of a chunk. gzip is unpacked for it, lzf states the number; the other filters that change sizes
/// (szip, nbit, scaleoffset) bring their own. Chunks that were never written stand for the fill value and pass, unless
/// the file has as many as the shape has room for: then its index is damaged. Nothing is allocated for a chunk larger
/// than the file. Other layouts pass.
void require_whole_chunks(hid_t dataset, const Shape& first, const Shape& count, const FileState& file,
                          const std::string& location);

}  // namespace recon::hdf5
