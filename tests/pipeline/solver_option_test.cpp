#include "recon/pipeline/compare/solver_option.h"

#include <gtest/gtest.h>

#include "recon/core/error.h"
#include "recon/solvers/registry.h"

namespace recon {
namespace {

TEST(SolverOption, FindsAndSetsANumberByName) {
  const auto dps = solver_kinds().find("dps", "test").make();
  ASSERT_TRUE(find_option(*dps, "steps").has_value());
  EXPECT_TRUE(find_option(*dps, "steps")->integer);
  set_option(*dps, "steps", 7);
  EXPECT_EQ(find_option(*dps, "steps")->value, 7);
  EXPECT_THROW(set_option(*dps, "steps", std::nullopt), Error);
}

TEST(SolverOption, ANumberThatTheSolverFindsByItself) {
  const auto tv = solver_kinds().find("tv_pdhg", "test").make();
  ASSERT_TRUE(find_option(*tv, "weight").has_value());
  EXPECT_EQ(find_option(*tv, "weight")->value, std::nullopt);
  EXPECT_FALSE(find_option(*tv, "weight")->integer);
  EXPECT_GE(find_option(*tv, "weight")->limits.min, 0);
  set_option(*tv, "weight", 0.5);
  EXPECT_EQ(find_option(*tv, "weight")->value, 0.5);
  set_option(*tv, "weight", std::nullopt);
  EXPECT_EQ(find_option(*tv, "weight")->value, std::nullopt);
}

TEST(SolverOption, NothingThereIsNothing) {
  const auto adjoint = solver_kinds().find("adjoint", "test").make();
  EXPECT_EQ(find_option(*adjoint, "steps").has_value(), false);
  EXPECT_THROW(set_option(*adjoint, "steps", 1), Error);
}

}  // namespace
}  // namespace recon
