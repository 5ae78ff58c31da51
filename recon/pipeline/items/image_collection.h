#pragma once

#include <string>
#include <vector>

#include "data/measurement_file.h"
#include "priors/prior.h"
#include "priors/train/training_images.h"

namespace recon {

/// Images of several sources (ImageSource's text forms) in one list, as a prior sees them: grey or colour as the domain
/// has 1 or 3 channels, `range` mapped to the domain's value range. Decoded images stay in memory while they take less
/// than 4 GiB. Throws Error(data) naming the source.
TrainingImages open_image_collection(const std::vector<std::string>& sources, const ImageDomain& domain,
                                     const ImageRange& range);

}  // namespace recon
