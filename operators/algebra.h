#pragma once

#include <complex>
#include <vector>

#include "operators/operator.h"

namespace recon {

/// outer(inner(x)). Linear when both are. Throws Error(usage) unless inner.range() == outer.domain().
OperatorPtr compose(OperatorPtr outer, OperatorPtr inner);
/// sum_i A_i x; all with the same domain and range.
OperatorPtr sum(std::vector<OperatorPtr> terms);
/// [A_1 x; A_2 x; ...], flattened and concatenated to a vector range; same domain and scalar kind.
OperatorPtr stack(std::vector<OperatorPtr> parts);
/// factor * A(x).
OperatorPtr scaled(OperatorPtr op, double factor);
/// y -> A^H y as an operator of its own.
LinearOperatorPtr adjoint_of(LinearOperatorPtr op);
/// x -> weights * A(x), which whitens a measurement: real weights, 1/std of the noise up to a factor, that broadcast to
/// the range `[1 or batch, range...]`.
OperatorPtr whitened(OperatorPtr op, const at::Tensor& weights);
/// x -> A(scale * x + offset): A on images in other units, as solvers work in those of the prior (ImageMapping in the
/// pipeline). Linear operators stay linear only with offset = 0.
OperatorPtr with_affine_input(OperatorPtr op, double scale, double offset);

/// Cuts the image or volume out of a larger one (centred, top-left biased): solvers work on the padded image that a
/// prior needs.
LinearOperatorPtr crop(const TensorSpec& padded, const TensorSpec& image);
/// Real [2C, ...] (real parts, then imaginary parts) -> complex [C, ...], of images and volumes.
LinearOperatorPtr complex_from_parts(const TensorSpec& complex_image);

}  // namespace recon
