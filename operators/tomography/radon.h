#pragma once

#include "operators/operator.h"
#include "operators/operator_kind.h"
#include "operators/tomography/fan_projector.h"
#include "operators/tomography/strip_projector.h"

namespace recon {

/// Parallel-beam tomography: [C, H, W] -> sinograms [C, angles, bins], real images; every channel by itself.
///
/// The averages over detector bins of line integrals (see StripProjector for geometry and weights), in units of the
/// image times pixels; `scale` brings other units. Angles first_deg + k range_deg / angles, or a list.
///
/// Inverse filter (operators/inverse_filter.h): the ramp filter, sampled in space so that the mean is right (Kak &
/// Slaney 1988, eqs. 3.61 to 3.64), on sinograms padded to twice their bins: h[0] = 1/4, h[n] = -1/(pi n)² for odd n, 0
/// for even n. With the weight of each view by its distance from its neighbours (view_weights.h), A^H F is filtered
/// back-projection, for views at any angles.
///
/// Throws Error(usage) for complex images, and for a list of angles that is empty or not one-dimensional.
LinearOperatorPtr make_radon(const TensorSpec& image, const ParallelBeam& beam);

/// The same with rays from a point (see FanProjector). It has no inverse filter, but a filtered back-projection for
/// views all around, or over at least a half turn and the angle of the fan that sees the whole image. Throws
/// Error(usage) for complex images, and for a source within the image.
LinearOperatorPtr make_fan_beam(const TensorSpec& image, const FanBeam& beam);

OperatorKind radon_kind();

}  // namespace recon
