#pragma once

#include <cstdint>
#include <string>

#include "data/kspace_set.h"

// Private to data: libismrmrd stays behind this header.
namespace recon {

/// Sorts the acquisitions of an ISMRMRD file into slices. An item is one (slice, contrast, phase, repetition, set) of
/// one encoding space; averages are averaged and counted. Lines flagged as calibration only are kept apart, for coil
/// maps, unless the header calls the calibration embedded or interleaved and they agree with the imaging lines of the
/// same position. Navigation, phase correction, feedback, dummy and correction scans, empty lines and those of other
/// encoding spaces are left out. All of that is in KspaceSet::parts and notes.
///
/// Lines of several partitions (3-D) become slices by the Fourier transform along the second phase encoding, which has
/// to be complete; its oversampling is cut. The noise scan is scaled to the bandwidth of the data (dwell times, and the
/// receiver's bandwidth).
KspaceSet read_ismrmrd(const std::string& path, const KspaceOptions& options);

/// The group of an HDF5 file that holds `xml` and `data`, "dataset" where it is one of them; empty without one.
std::string ismrmrd_group(const std::string& path);

}  // namespace recon
