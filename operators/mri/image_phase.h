#pragma once

#include "operators/operator.h"

namespace recon {

/// The smooth phase of a complex image, [1, C, H, W] in radians, out of data `y` [1, range...] (the phase part of
/// homodyne reconstruction; Noll, Nishimura & Macovski 1991, who take that of the centre of k-space).
///
/// A real image times it has to explain the data: what it is off by comes back as structure, and where there is nothing
/// but noise, the noise's own phase would turn it into something positive. With x = (A^H A + .001 |A|² I)^-1 A^H y, 20
/// steps of conjugate gradients, v the mean power of its noise, v~ that of the noise of z:
///
///     z = x after a Hann window over the central quarter of each axis of the spectrum
///     phase_0 = angle(W u + sum_k 10^-k G_k (W u)),  u = z / |z|,  W = max(0, 1 - 9 v~ / |z|²)
///     phase += Im G(q d) / (G(q |d|) + v / 2),  twice,  d = x exp(-i phase),  q = max(0, |d|² - v) / |d|
///
/// G_k is a Gaussian of 2^k pixels: the first is u itself where the signal is strong, else the phase of the nearest
/// signal. The second takes away what the window made of edges: the mean phase that is left, weighted by energy, in a
/// Gaussian G of 4.5 % of the image.
///
/// `noise_variance`, per real component and broadcasting to y; undefined: none. Throws Error(usage) unless the operator
/// is linear and its image complex.
at::Tensor smooth_phase(const OperatorPtr& op, const at::Tensor& y, const at::Tensor& noise_variance = {});

/// A for images m exp(i phase) with real m: m -> A(exp(i phase) m), `phase` real [1, C, H, W]. A^H gives the real part
/// of exp(-i phase) A^H y.
OperatorPtr with_phase(const OperatorPtr& op, const at::Tensor& phase);

}  // namespace recon
