#pragma once

#include <cstdint>
#include <string>

#include "recon/pipeline/items/item_source.h"
#include "recon/pipeline/solve/misfit.h"

namespace recon {

/// How well any image at all explains the data by `op`, which stands for the item's own: `iterations` of least squares
/// (LSQR), stopped at chi² = 1 where `to_noise`. Figures are NaN where it cannot be told.
Fit best_fit_of(const PreparedItem& item, const OperatorPtr& op, std::int64_t iterations = 40, bool to_noise = false);

/// What is likely to be wrong about an item whose data contradict its image: least squares (LSQR, a few dozen steps) by
/// the stated operator and by each of item.alternatives(). Where one leaves at most a third of the stated one's chi²
/// (or of its unexplained energy, without a noise level), the words to add to a warning: the best of them, with both
/// figures. When the stated operator fits as well as any, that the solver did not fit the data. Empty where nothing can
/// be told.
std::string likely_cause(const PreparedItem& item, const Fit& fit);

}  // namespace recon
