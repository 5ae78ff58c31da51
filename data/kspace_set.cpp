#include "data/kspace_set.h"

namespace recon {

void KspaceOptions::visit(ParameterVisitor& v) {
  v.field("encoding", encoding, "ISMRMRD: the encoding space that is read; -1: the first with imaging lines",
          {.min = -1});
  v.field("phase_centre", phase_centre,
          "ISMRMRD: phase encoding step of the zero frequency; -1: by the encoding limits, else the calibration flags, "
          "else the energy",
          {.min = -1});
  v.choice("centre_sample", centre_sample, "auto",
           "ISMRMRD: what centre_sample says: the sample as stored (stated), after reversed lines are turned round, "
           "nothing (middle); auto: stated, unless the data fit another far better");
  v.choice("calibration_lines", calibration, "auto",
           "ISMRMRD: what lines flagged as calibration only are for; auto: as the header's calibrationMode says");
  v.choice("trajectory_units", trajectory, "auto",
           "ISMRMRD, radial and spiral: what the numbers of the trajectory count; auto: by the largest");
}

}  // namespace recon
