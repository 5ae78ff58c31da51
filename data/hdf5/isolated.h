#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/hdf5/hdf5_file.h"

// Private to data/hdf5: damaged files can crash HDF5 1.10 itself (it believes sizes in object headers of the old format
// and in the "global heap" of variable-length texts). What can crash is tried in a child process first.
namespace recon::hdf5 {

/// What `work` returns when it is run in a child process; empty when the child crashed or computed for more than
/// `cpu_limit_s`: metadata take milliseconds, but a damaged file can make HDF5 loop for ever.
///
/// The child shares the open files, calls HDF5 only, and leaves by _exit, which is safe after fork() in a program with
/// threads because the caller holds the lock of this layer.
std::optional<std::string> run_isolated(const std::function<std::string()>& work, unsigned cpu_limit_s = 2);

/// A list of texts as one, for the way from the child to its parent.
std::string pack(const std::vector<std::string>& texts);
std::vector<std::string> unpack(const std::string& packed);

/// Goes through all groups, attributes, texts, and chunk indices, for run_isolated. Errors that HDF5 reports are
/// ignored: whoever needs the damaged part meets them again.
void visit_everything(const Group& group);

}  // namespace recon::hdf5
