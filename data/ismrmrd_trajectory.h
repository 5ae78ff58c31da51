#pragma once

#include <string>

#include "data/ismrmrd_header.h"
#include "data/ismrmrd_lines.h"
#include "data/kspace_set.h"

// Private to data.
namespace recon {

/// Radial, spiral and other scans whose acquisitions say where their samples lie: KspaceSet::positions, with the first
/// number of the trajectory along the readout (rows), the second along the phase encoding (columns). An item is one
/// (slice, contrast, phase, repetition, set); averages are more samples of it. A stack of such trajectories, the same
/// in every partition, becomes slices by the Fourier transform along the partitions. Items with another number of
/// samples than most are left out, and samples beyond the edge of k-space.
///
/// The file format leaves the unit of a trajectory open. `options.trajectory` says it; else the largest number, m,
/// tells: up to 0.5 cycles per pixel, up to pi radians per pixel, up to half of the matrix cycles per field of view,
/// beyond cycles per metre. Throws Error(data) for lines without a trajectory, numbers that fit no unit, trajectories
/// in three dimensions, and stacks that are not complete.
KspaceSet read_trajectories(const IsmrmrdHeader& header, const SortedLines& lines, const KspaceOptions& options,
                            const std::string& path);

}  // namespace recon
