#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "operators/operator.h"

namespace recon {

/// What was measured, told from the data. One rule for all: what the operator's support leaves out is not data,
/// whatever number stands there (NaN, a fill value, a plausible one).

/// `y` [..., range...] with zeros where `support` (Operator::support(), may be undefined) is 0, NaN there included.
at::Tensor on_support(const at::Tensor& y, const at::Tensor& support);

/// The operator that measures only where `measured` [range...] (bool) says so, and where it did already.
OperatorPtr measuring_only(const OperatorPtr& op, const at::Tensor& measured);

/// Throws Error(data) at `location` when the exact zeros of one item's data, `y` [C, H, W] as it was stored, contradict
/// the mask and fit another one: the mask the wrong way round, transposed, mirrored, along the other axis, or (centred
/// frequencies) not centred. Data without exact zeros say nothing.
void require_mask_agrees(const at::Tensor& y, const at::Tensor& support, const std::string& location);

/// A mask [H, W] that the data themselves show.
struct FoundMask {
  at::Tensor mask;   ///< 0/1, float64
  std::string text;  ///< "22 of 72 columns are exact zeros"
};
/// Frequencies `y` complex [C, H, W] that the support counts as measured and that are exactly 0 in all channels:
/// padding, or lines that a file left out without saying so. Noise is never exactly 0. Nothing where all is measured,
/// for real data (black is a value), and where less than a fiftieth of the entries is not 0 (the data are empty).
std::optional<FoundMask> mask_from_zeros(const at::Tensor& y, const at::Tensor& support);

/// Words about entries at the largest or smallest value of real data, where far more share it than share any other:
/// saturation or a fill value that the operator does not know of. Empty otherwise.
std::string saturation_warning(const at::Tensor& y, const at::Tensor& support);

}  // namespace recon
