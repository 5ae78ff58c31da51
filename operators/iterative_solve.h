#pragma once

#include <cstdint>

namespace recon {

/// When an iterative solution of a linear system is good enough.
struct IterativeSolve {
  double tolerance = 1e-6;  ///< relative residual at which conjugate gradients stop
  std::int64_t max_iterations = 200;
};

}  // namespace recon
