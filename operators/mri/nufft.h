#pragma once

#include "operators/operator.h"
#include "operators/operator_kind.h"

namespace recon {

/// How exactly, and by which way, a non-uniform transform is computed.
struct NufftOptions {
  double accuracy = 1e-4;
  double oversampling = 2;
  bool toeplitz = false;

  void visit(ParameterVisitor& v);
};

/// Non-Cartesian Fourier samples of every channel, y_c = F x_c at `positions` [samples, 2] (gridding.h has the formula
/// and the accuracy): range complex [C, samples]. Unitary scale: whole positions give what `fourier` gives.
///
/// A^H is the exact adjoint of the gridded A. A^H A is that of the gridded A too, or, `toeplitz`, the convolution with
/// the point spread function sum_j exp(2 pi i k_j r) on a grid of twice the size (Fessler et al. 2005): it equals the
/// former up to `accuracy` and takes two transforms whatever the number of samples. Real images: A^H takes the real
/// part.
LinearOperatorPtr make_nufft(const TensorSpec& image, const at::Tensor& positions, const NufftOptions& options,
                             const std::string& pattern);

/// The registered kind: trajectory.h, with coil maps in front when there are any.
OperatorKind nufft_kind();

}  // namespace recon
