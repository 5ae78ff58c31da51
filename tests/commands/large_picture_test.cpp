// `memory` in a config: a picture that does not fit goes through the network in bands, and nothing else changes.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/commands/batch_support.h"

namespace recon {
namespace {

class LargePicture : public BatchTest {
 protected:
  void SetUp() override {
    BatchTest::SetUp();
    write_items("m.h5", 1, {}, 512);
  }
  static constexpr const char* run = "run m.h5 --threads 1 --allow-misfit --solver '{type: plug_and_play, steps: 1}' ";
  at::Tensor image(const std::string& name) const {
    return ResultFile::open(path(name).string()).rows(0, 1).reconstructions;
  }
};

TEST_F(LargePicture, InBandsIsThatAsAWhole) {
  const Outputs whole = recon(std::string(run) + "--set memory='8 GiB' -o whole.h5 -v");
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_FALSE(contains(whole.err, "in bands")) << whole.err;
  const Outputs bands = recon(std::string(run) + "--set memory='420 MiB' -o bands.h5 -v");
  ASSERT_EQ(bands.exit_code, 0) << bands.err;
  EXPECT_TRUE(contains(bands.err, "go through the network in bands")) << bands.err;
  const at::Tensor expected = image("whole.h5"), got = image("bands.h5");
  EXPECT_LT(((got - expected).abs().max() / expected.abs().max()).item<double>(), 1e-5);
  EXPECT_TRUE(contains(ResultFile::open(path("bands.h5").string()).header().config, "memory: \"420 MiB\""));
}

TEST_F(LargePicture, ABudgetThatCannotBeKeptIsAnErrorOfTheUser) {
  expect_error(std::string(run) + "--set memory=lots -o a.h5 -q", 2, {"'memory'", "'lots'", "GiB"});
  expect_error(std::string(run) + "--set memory=4 -o a.h5 -q", 2, {"'memory'", "'4'"});
  expect_error(std::string(run) + "--set memory='20 MiB' -o a.h5 -q", 2,
               {"memory", "need at least", "the budget is 0.02 GiB"});
}

}  // namespace
}  // namespace recon
