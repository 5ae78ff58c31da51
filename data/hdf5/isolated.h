#pragma once

#include <string>
#include <vector>

#include "data/hdf5/hdf5_file.h"
#include "data/isolated_process.h"

// Private to data/hdf5: damaged files can crash HDF5 1.10 itself (it believes sizes in object headers of the old format
// and in the "global heap" of variable-length texts). What can crash is tried in a child process first, while the
// caller holds the lock of this layer.
namespace recon::hdf5 {

/// A list of texts as one, for the way from the child to its parent.
std::string pack(const std::vector<std::string>& texts);
std::vector<std::string> unpack(const std::string& packed);

/// Goes through all groups, attributes, texts, and chunk indices, for run_isolated. Errors that HDF5 reports are
/// ignored: whoever needs the damaged part meets them again.
void visit_everything(const Group& group);

}  // namespace recon::hdf5
