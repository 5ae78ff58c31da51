#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace recon {

/// The number of steps that costs at most `budget`, when `cost(steps)` is c0 + c1 steps: measured at `few` and `more`
/// steps, at least one step. A cost that does not grow with the steps leaves nothing to choose: nothing is returned.
std::optional<std::int64_t> affordable_steps(const std::function<double(std::int64_t)>& cost, double budget,
                                             std::int64_t few, std::int64_t more);

}  // namespace recon
