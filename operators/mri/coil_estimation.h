#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "recon/core/parameters.h"

namespace recon {

/// The methods of CoilEstimation.
enum class CoilMethod { espirit, walsh, sum_of_squares };
constexpr auto words_of(CoilMethod) {
  using enum CoilMethod;
  return std::to_array<Word<CoilMethod>>({{espirit, "espirit"}, {walsh, "walsh"}, {sum_of_squares, "sum_of_squares"}});
}

/// How coil maps are found in the data.
///
/// espirit         Uecker et al. 2014: the k x k blocks of the calibration centre, as vectors over all coils, span few
///                 dimensions; with V the singular vectors of more than `threshold` of the largest squared singular
///                 value, the projection V V^H of every block of k-space, averaged, is at each pixel q a matrix W_q
///                 [coils, coils] (eq. 20) whose eigenvectors of eigenvalue 1 are the maps. Where the largest
///                 eigenvalue is below `crop` there is no image, and the maps are 0. BART crops at 0.8; here nothing is
///                 cropped by default, because where maps are 0 a generative prior would paint what it likes.
/// walsh           Walsh et al. 2000: the dominant eigenvector of the coil images' covariance around each pixel,
///                 averaged over `window` x `window` pixels, from the calibration centre (Hann window).
/// sum_of_squares  the calibration centre's coil images over their root sum of squares.
///
/// All maps have sum_c |S_c|² = 1 (or 0). A phase per pixel is free: it is chosen so that the combination of the coils
/// by their dominant singular vector over the calibration data is real and positive, which is smooth.
struct CoilEstimation {
  CoilMethod method = CoilMethod::espirit;
  std::int64_t calibration = 24;  ///< lines a side at most
  std::int64_t kernel = 6;
  double threshold = 0.001;
  double crop = 0;
  std::int64_t window = 5;

  void visit(ParameterVisitor& v);

  /// Maps [coils, H, W] in the precision of `kspace` [coils, H, W], complex, centred, unsampled positions zero. Throws
  /// Error(data) naming `location` when the fully sampled centre is too small.
  at::Tensor maps(const at::Tensor& kspace, const std::string& location) const;
};

}  // namespace recon
