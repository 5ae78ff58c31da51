#pragma once

#include <c10/core/Device.h>

#include <vector>

#include "recon/pipeline/items/item_source.h"

namespace recon {

/// Settles `complex_image: auto` of sources of one kind, where a real prior meets complex images, by the first item of
/// the first source: phase_from_centre where real images times that phase explain the data down to the noise, or as
/// well as complex ones do (1.1 times their chi²; LSQR of 60 steps, stopped at chi² = 1), two_channels otherwise and
/// for data without a noise level that leave the energy of more than rounding. The choice is logged with both figures.
/// Does nothing where `with_prior` is false, for real images and for a stated complex_image.
void settle_complex_image(const std::vector<ItemSource*>& sources, bool with_prior, c10::Device device);

}  // namespace recon
