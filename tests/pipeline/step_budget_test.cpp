#include "recon/pipeline/compare/step_budget.h"

#include <gtest/gtest.h>

namespace recon {
namespace {

TEST(StepBudget, TheLargestNumberOfStepsThatFits) {
  const auto cost = [](std::int64_t steps) { return 3.0 + 2.0 * static_cast<double>(steps); };
  EXPECT_EQ(affordable_steps(cost, 23, 2, 6), 10);    // 3 + 20
  EXPECT_EQ(affordable_steps(cost, 24.9, 2, 6), 10);  // 11 steps would cost 25
  EXPECT_EQ(affordable_steps(cost, 1, 2, 6), 1);      // one step at least
  EXPECT_EQ(affordable_steps([](std::int64_t) { return 5.0; }, 10, 2, 6), std::nullopt);
}

}  // namespace
}  // namespace recon
