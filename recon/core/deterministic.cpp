#include "recon/core/deterministic.h"

#include <ATen/Context.h>

#include <cstdlib>

namespace recon {

void use_deterministic_algorithms() {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/true);
  // ATen would fill every new tensor with NaN, too: that is for finding code that reads what it has not written.
  context.setDeterministicFillUninitializedMemory(false);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
}

}  // namespace recon
