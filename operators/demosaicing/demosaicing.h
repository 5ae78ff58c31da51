#pragma once

#include <string>

#include "operators/operator.h"
#include "operators/operator_kind.h"

namespace recon {

/// The colour filters of the top left 2 x 2 pixels, row by row.
enum class BayerPattern { rggb, bggr, grbg, gbrg };
constexpr auto words_of(BayerPattern) {
  using enum BayerPattern;
  return std::to_array<Word<BayerPattern>>({{rggb, "rggb"}, {bggr, "bggr"}, {grbg, "grbg"}, {gbrg, "gbrg"}});
}

/// What a camera's sensor sees through a Bayer mosaic of colour filters (Bayer, US patent 3971065, 1976):
/// [3, H, W] -> [1, H, W], y[i, j] = x[c(i, j), i, j], real images.
///
/// The pattern repeats every two pixels, and H and W may be odd. A A^H = I, so A^H A = diag(M) with the 0/1 masks M of
/// the three colours. The sensor's linear values are meant: gamma, white balance and black level are for the user to
/// undo.
///
/// Throws Error(usage) unless the image is real with the channels R, G, B.
LinearOperatorPtr make_demosaicing(const TensorSpec& image, BayerPattern pattern);

OperatorKind demosaicing_kind();

}  // namespace recon
