#pragma once

namespace recon {

class OperatorKernels;

/// Those of recon_cuda (operators/kernels/operator_kernels_cuda.cpp).
const OperatorKernels& cuda_operator_kernels();

}  // namespace recon
