#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/kspace_set.h"
#include "data/measurement_file.h"
#include "recon/pipeline/import/import_plan.h"
#include "recon/pipeline/import/kspace_description.h"

namespace recon {

/// Raw data as a measurement file would hold them.
struct ImportedKspace {
  MeasurementSet set;
  std::vector<std::string> notes;  ///< what was decided, one sentence each
};

/// Raw multi-coil k-space as measurements of the operator `sense`, one item per slice (samples off the grid: of
/// `nufft`, trajectory_import.h):
///
/// 1. the coils are whitened by the noise scan, or by what is noise alone in the data: noise of one level on all
///    (channels.h);
/// 2. they are compressed to `coils` virtual ones by the calibration data of all slices;
/// 3. every number is divided so that 1 is the 99.9 % quantile of the calibration centres' root sum of squares over the
///    file's own coils: the image range is [0, 1] whatever the scanner's units;
/// 4. coil maps are estimated in every slice, or left to be at reconstruction (`coil_maps: later`), or read. They are
///    scaled so that the image is that of the file's own coils, whatever was whitened (in_units_of_file_coils);
/// 5. oversampling is taken away along the readout and the phase encoding, in k-space and maps alike, where the lines
///    across it are complete;
/// 6. fully sampled data give a ground truth, S^H F^H y / sum |S|², and may then be undersampled;
/// 7. where samples are means of differently many measurements they are multiplied by the root of that number over the
///    item's largest, and so is the operator: noise of one level in the item.
///
/// Items without a centre to calibrate from, nor one in their calibration lines or time average, are left out with a
/// warning. Throws Error(data) when none is left.
ImportedKspace import_kspace(const KspaceSet& source, const ImportPlan& plan, const std::string& place);

/// A raw data file, read, and the measurement file that was made of it.
struct ImportResult {
  KspaceSet source;
  ImportedKspace imported;
};
/// Reads `source`, imports it and writes the measurement file `output`. Throws Error(usage) when both are one file.
ImportResult import_file(const std::string& source, const std::string& output, const ImportPlan& plan, bool overwrite);

}  // namespace recon
