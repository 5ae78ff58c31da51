#pragma once

namespace recon {

/// From now on ATen takes the algorithms whose results are the same bits each time on the same kind of device with the
/// same number of threads; an operation that has none warns of itself by name. CPUs have them everywhere in recon. On
/// GPUs it concerns sums in the order in which threads arrive, cuDNN's choice of algorithms by the clock, and cuBLAS,
/// which reads CUBLAS_WORKSPACE_CONFIG when it is first used (":4096:8" unless it is set).
void use_deterministic_algorithms();

}  // namespace recon
