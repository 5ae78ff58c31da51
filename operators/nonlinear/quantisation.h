#pragma once

#include "operators/operator_kind.h"

namespace recon {

/// An analogue-to-digital converter of 2^bits levels from low to high, at distance step = (high - low)/(2^bits - 1),
/// seen through the noise in front of it: the mean reading
///
///     y = E Q(x + n) = low + step sum_k Phi((x - t_k) / (dither · step)),   n ~ N(0, (dither · step)²)
///
/// with thresholds t_k half way between levels and Phi the normal distribution function. It rounds like Q away from the
/// thresholds, and saturates like it.
///
/// Q itself has the derivative 0 almost everywhere, which tells a solver nothing, and a straight-through derivative
/// would be a vjp of another operator. So there is no exact staircase here: dither > 0, and the derivative is that of
/// y. Down to a dither of 0.3 it is useful: between 0.6 and 1.4. From 0.5 on y = x to 1 % of a step inside the range
/// (Widrow's theorem), and the model is then: linear, with the converter's step / sqrt(12) as further noise. A small
/// dither gives nearly hard steps, for simulation; gradients then vanish between thresholds.
OperatorKind quantisation_kind();

}  // namespace recon
