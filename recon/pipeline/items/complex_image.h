#pragma once

#include "recon/core/words.h"

namespace recon {

/// How a complex image becomes a real one that a prior understands.
enum class ComplexImage {
  automatic,          ///< phase_from_centre or two_channels, as the data say (recon/pipeline/solve/complex_choice.h)
  none,               ///< refuse complex images where a prior is needed
  magnitude,          ///< the image is real (zero phase): the operator is built for a real image and the result is real
  phase_from_centre,  ///< a real image times the smooth phase that the data show (operators/mri/image_phase.h),
                      ///< for every solver; the result is real, signed where the phase turns faster than that
  two_channels        ///< real and imaginary part are channels of their own
};
constexpr auto words_of(ComplexImage) {
  using enum ComplexImage;
  return std::to_array<Word<ComplexImage>>({{automatic, "auto"},
                                            {none, "none"},
                                            {magnitude, "magnitude"},
                                            {phase_from_centre, "phase_from_centre"},
                                            {two_channels, "two_channels"}});
}

}  // namespace recon
