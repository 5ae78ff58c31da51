#pragma once

#include "operators/operator.h"

namespace recon {

/// Largest eigenvalue of A^H A, ||A||², by power iteration from a fixed pseudo-random image, to about 1 %, and enlarged
/// by 2 % because power iteration approaches from below and step sizes need an upper bound. 0 for A = 0. It stops when
/// a step changes the value by less than `change` of it; 0.1 is enough, and three times as fast, for a scale.
/// Computes on the device and in the precision of `like`.
double squared_operator_norm(const LinearOperator& op, const at::TensorOptions& like, double change = 1e-3);

}  // namespace recon
