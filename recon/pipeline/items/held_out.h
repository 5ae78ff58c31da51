#pragma once

#include "recon/pipeline/items/item_source.h"

namespace recon {

/// Data that the solver does not see, to judge its image without a truth. Given the image they are independent of what
/// it sees, so that a score of them favours nobody who fits noise.
struct HeldOut {
  OperatorPtr op;       ///< that measured them
  at::Tensor y;         ///< [1, range...]
  at::Tensor variance;  ///< of their noise per real component; broadcasts to y
};

/// Parts an item, `share` (0 < share < 1) of what was measured being held out in `held_out`:
///
/// operators that leave entries out (a mask): a share of the entries, or, where the mask consists of whole lines of the
/// last two axes, of the lines; the solver's operator no longer measures them;
/// Gaussian noise of variance v: data fission (Leiner, Duan, Wasserman, Ramdas 2023, "Data fission: splitting a single
/// data point"; Sprunck, Pereyra, Liaudat 2025, "Bayesian cross-validation"): with w ~ N(0, v) the solver sees y +
/// sqrt(s / (1 - s)) w of variance v / (1 - s), and y - sqrt((1 - s) / s) w of variance v / s is held out;
/// photon counts: thinning, every photon to one half or the other, whatever `share` is.
///
/// The same item is parted in the same way for everyone. Throws Error(usage) for data without a noise level that are
/// complete, and for counts with read noise: they cannot be parted into independent data.
PreparedItem hold_out(PreparedItem item, double share);

}  // namespace recon
