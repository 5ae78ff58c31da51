#pragma once

#include <string>

#include "data/kspace_set.h"
#include "recon/pipeline/import/import_plan.h"
#include "recon/pipeline/import/raw_import.h"

namespace recon {

/// Radial, spiral and other raw data (`source.positions`) as measurements of the operator `nufft`, as import_kspace
/// does it with Cartesian ones:
///
/// 1. the coils are whitened by the noise scan, or by the outermost tenth of the samples, which has little of an image
///    (errs to the high side);
/// 2. a block around the zero frequency is found on the Cartesian grid of the encoded matrix: the least-squares
/// solution
///    of the samples in it, in every coil. Its size is `estimation.calibration`, or the largest in which no gap between
///    samples is wider than a grid step. It gives the compression, the scale (1 is the 99.9 % quantile of its root sum
///    of squares) and the coil maps;
/// 3. the field of view becomes that of the recon space: positions are frequencies, and need no more than the factor.
///    An object beyond it is not modelled; `keep_oversampling` keeps the encoded one.
///
/// Items that vary in time only share the coil maps of their average, where their own centre has gaps. Throws
/// Error(usage) for `undersampling`, `coil_maps: later` and `noise: background`, Error(data) where no item has a
/// centre.
ImportedKspace import_trajectories(const KspaceSet& source, const ImportPlan& plan, const std::string& place);

}  // namespace recon
