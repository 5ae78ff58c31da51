#include "recon/pipeline/import/centre_block.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "operators/fourier/fft.h"
#include "operators/mri/nufft.h"

namespace recon {

std::int64_t covered_centre(const at::Tensor& positions, std::int64_t largest) {
  const at::Tensor nearest = positions.round().to(at::kLong);
  const std::int64_t side = largest + 2;
  const at::Tensor place = nearest + side / 2;
  const at::Tensor inside = ((place >= 0).logical_and(place < side)).all(1).nonzero().squeeze(1);
  at::Tensor cells = at::zeros({side * side});
  const at::Tensor kept = place.index_select(0, inside);
  cells.index_fill_(0, kept.select(1, 0) * side + kept.select(1, 1), 1);
  const at::Tensor near = at::max_pool2d(cells.view({1, 1, side, side}), 3, 1, 1)[0][0] > 0;
  std::int64_t lines = 0;
  for (std::int64_t n = 1; n <= largest; ++n) {
    const at::Tensor block = near.narrow(0, side / 2 - n / 2, n).narrow(1, side / 2 - n / 2, n);
    if (!block.all().item<bool>()) break;
    lines = n;
  }
  return lines;
}

at::Tensor centre_from_samples(const at::Tensor& samples, const at::Tensor& positions, std::int64_t lines) {
  constexpr std::int64_t margin = 8;
  constexpr double damping = 1e-3;  ///< of the mean eigenvalue of A^H A
  const std::int64_t side = lines + margin;
  const at::Tensor limit = at::scalar_tensor(static_cast<double>(side) / 2, at::kDouble);
  const at::Tensor within = (positions.abs() <= limit).all(1).nonzero().squeeze(1);
  const at::Tensor y = samples.index_select(1, within).to(at::kComplexDouble).unsqueeze(0);
  const TensorSpec image{{samples.size(0), side, side}, ScalarKind::complex};
  const NufftOptions options{.accuracy = 1e-5, .oversampling = 2, .toeplitz = true};
  const LinearOperatorPtr op = make_nufft(image, positions.index_select(0, within), options, "centre");
  const double mean = static_cast<double>(within.numel()) / static_cast<double>(side * side);
  const at::Tensor z = op->solve_shifted(op->adjoint(y), at::full({1}, damping * mean, at::kDouble),
                                         {.tolerance = 1e-4, .max_iterations = 60});
  const at::Tensor kspace = fft2_centred(z[0]);
  const std::int64_t first = side / 2 - lines / 2;
  return kspace.narrow(1, first, lines).narrow(2, first, lines).to(samples.scalar_type()).contiguous();
}

}  // namespace recon
