// The kinds of operators that come with the program.
#include "operators/registry.h"

#include "operators/blur/blur.h"
#include "operators/blur/varying_blur.h"
#include "operators/combinations/combination_kinds.h"
#include "operators/combinations/slices.h"
#include "operators/demosaicing/demosaicing.h"
#include "operators/fourier/fourier.h"
#include "operators/hadamard/hadamard.h"
#include "operators/identity.h"
#include "operators/inpainting/inpainting.h"
#include "operators/mri/nufft.h"
#include "operators/mri/sense.h"
#include "operators/nonlinear/clipping.h"
#include "operators/nonlinear/fourier_magnitude.h"
#include "operators/nonlinear/quantisation.h"
#include "operators/resampling/super_resolution.h"
#include "operators/tomography/radon.h"

namespace recon {

// An explicit list: registrars that are static objects get dropped by the linker.
Registry<OperatorKind>& mutable_operator_kinds() {
  static Registry<OperatorKind> kinds("operator type",
                                      {
                                          blur_kind(),         clipping_kind(),     compose_kind(),
                                          demosaicing_kind(),  fourier_kind(),      fourier_magnitude_kind(),
                                          hadamard_kind(),     identity_kind(),     inpainting_kind(),
                                          nufft_kind(),        quantisation_kind(), radon_kind(),
                                          scale_kind(),        sense_kind(),        slices_kind(),
                                          stack_kind(),        sum_kind(),          super_resolution_kind(),
                                          varying_blur_kind(),
                                      });
  return kinds;
}

}  // namespace recon
