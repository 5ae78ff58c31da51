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

// The shipped network with a card that lets it see 64 x 64 pixels only: tiles tell nearly what the whole tells.
TEST_F(LargePicture, OfAPriorOfOneSizeIsSeenInTiles) {
  std::filesystem::copy(test::source_path("priors/weights/natural_gray"), path("small"),
                        std::filesystem::copy_options::recursive);
  std::string card = file_content(path("small/prior.yaml"));
  const std::string any = "size: any";
  ASSERT_NE(card.find(any), std::string::npos);
  write("small/prior.yaml", card.replace(card.find(any), any.size(), "size: 64"));
  write_items("n.h5", 1, {}, 160);
  const std::string small = "run n.h5 --threads 1 --allow-misfit --solver '{type: diffpir, steps: 4}' ";
  const Outputs whole = recon(small + "-o whole.h5"), tiles = recon(small + "--prior ./small/ -o tiles.h5");
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  ASSERT_EQ(tiles.exit_code, 0) << tiles.err;
  EXPECT_TRUE(contains(tiles.err, "64 x 64 pixels: it sees these of 160 x 160 in overlapping tiles")) << tiles.err;
  const at::Tensor a = image("whole.h5"), b = image("tiles.h5");
  EXPECT_LT((a - b).square().mean().sqrt().item<double>(), 0.02);
  EXPECT_GT((a - b).abs().max().item<double>(), 1e-6) << "they are not the same network passes";
}

TEST_F(LargePicture, ABudgetThatCannotBeKeptIsAnErrorOfTheUser) {
  expect_error(std::string(run) + "--set memory=lots -o a.h5 -q", 2, {"'memory'", "'lots'", "GiB"});
  expect_error(std::string(run) + "--set memory=4 -o a.h5 -q", 2, {"'memory'", "'4'"});
  expect_error(std::string(run) + "--set memory='20 MiB' -o a.h5 -q", 2,
               {"memory", "need at least", "the budget is 0.02 GiB"});
}

}  // namespace
}  // namespace recon
