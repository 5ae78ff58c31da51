#pragma once

#include <hdf5.h>

#include <string>

#include "data/hdf5/hdf5_file.h"

// Private to data/hdf5: parts of a file that lie in other files.
namespace recon::hdf5 {

/// Size of the file that the object lies in, which an external link makes another one than the file that was opened.
std::int64_t bytes_of_home(hid_t object, const std::string& location);

/// Throws Error(data) for a link whose target is not there, naming the file or the object that is missing, and for a
/// file behind an external link that makes HDF5 crash (isolated.h).
void require_target(hid_t parent, const std::string& name, const std::string& location);

/// Whether every value of a virtual dataset comes from a source that is there. HDF5 itself would fill the gaps with
/// zeros and say nothing. Throws Error(data) naming the source that is missing or too small.
void require_sources(hid_t dataset, const Shape& shape, const std::string& location);

}  // namespace recon::hdf5
