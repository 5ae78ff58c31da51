#include "recon/pipeline/compare/step_budget.h"

#include <algorithm>
#include <cmath>

namespace recon {

std::optional<std::int64_t> affordable_steps(const std::function<double(std::int64_t)>& cost, double budget,
                                             std::int64_t few, std::int64_t more) {
  const double at_few = cost(few), at_more = cost(more);
  const double per_step = (at_more - at_few) / static_cast<double>(more - few);
  if (!(per_step > 0)) return std::nullopt;
  const double steps = static_cast<double>(few) + (budget - at_few) / per_step;
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(steps + 1e-9)));
}

}  // namespace recon
