#include "recon/core/nearest.h"

#include <gtest/gtest.h>

namespace recon {
namespace {

TEST(Nearest, FindsSlipsAndOnlyThose) {
  const std::vector<std::string> known = {"steps", "step_size", "norm", "guidance"};
  EXPECT_EQ(nearest("setps", known), "steps");
  EXPECT_EQ(nearest("guidence", known), "guidance");
  EXPECT_EQ(nearest("Norm", known), "norm");
  EXPECT_EQ(nearest("colour", known), std::nullopt);
  EXPECT_EQ(nearest("", known), std::nullopt);
}

}  // namespace
}  // namespace recon
