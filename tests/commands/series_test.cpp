// Items that belong together, through the program: each begins where the one before ended, in a run and in a batch,
// whoever computes it.
#include <ATen/ATen.h>

#include "data/measurement_file.h"
#include "data/result_file.h"
#include "tests/commands/program.h"

namespace recon {
namespace {

class Series : public ProgramTest {
 protected:
  /// Six frames of 32 x 32 pixels of a brightening disk behind a blur: two films of three.
  void SetUp() override {
    ProgramTest::SetUp();
    const at::Tensor line = at::linspace(-1, 1, 32, at::kFloat), radius = line.square() + line.square().view({-1, 1});
    std::vector<at::Tensor> frames;
    for (int i = 0; i < 6; ++i) frames.push_back((radius < 0.5).to(at::kFloat) * (0.3 + 0.1 * i) + 0.1);
    MeasurementSet set;
    set.header.image = {{1, 32, 32}, ScalarKind::real};
    set.header.operator_config = "type: identity\n";
    set.header.range = {0, 1};
    set.header.noise = {.type = NoiseType::gaussian, .std = {0.05}, .peak = 0};
    set.y = at::stack(frames).unsqueeze(1);
    for (int i = 0; i < 6; ++i) set.ids.push_back("frame" + std::to_string(i));
    write_measurement_file(path("film.h5").string(), set);
    write("run.yaml", config("output: run.h5\n"));
    write("batch.yaml", config("output: {path: batch.h5}\nbatch: {size: 2}\n"));
  }
  static std::string config(const std::string& rest) {
    return "input: film.h5\nprior: natural_gray\nseries: 3\nsolver: {type: dps, steps: 3, solves: 0, start: "
           "previous}\n" +
           rest;
  }
  at::Tensor images(const std::string& name) const {
    return read_result_file(path(name).string()).main.reconstructions;
  }
};

TEST_F(Series, IsTheSameInARunAndInABatchOfAnyShape) {
  const std::string quiet = " --threads 1 --allow-misfit -q";
  for (const std::string call :
       {"run run.yaml", "batch batch.yaml", "batch batch.yaml --set 'output={path: shards.h5}' --shard 2/2",
        "batch batch.yaml --set 'output={path: shards.h5}' --shard 1/2",
        "batch batch.yaml --set 'output={path: shards.h5}' --merge",
        "run run.yaml --set series=1 --set 'solver={type: dps, steps: 3, solves: 0}' --set output=alone.h5"}) {
    const Outputs got = recon(call + quiet);
    ASSERT_EQ(got.exit_code, 0) << call << "\n" << got.err;
  }
  const at::Tensor run = images("run.h5"), alone = images("alone.h5");
  EXPECT_TRUE(at::equal(run, images("batch.h5")));
  EXPECT_TRUE(at::equal(run, images("shards.h5")));
  for (const std::int64_t first : {0, 3}) EXPECT_TRUE(at::equal(run[first], alone[first])) << "begins at noise";
  for (const std::int64_t later : {1, 2, 4, 5}) EXPECT_FALSE(at::equal(run[later], alone[later])) << "does not";
  EXPECT_EQ(recon("batch --verify batch.h5 --count 6" + quiet).exit_code, 0);
}

TEST_F(Series, HasToBeNamed) {
  expect_error("run run.yaml --set series=1 --threads 1 -q", 2, {"start: previous", "set `series`"});
  expect_error("run run.yaml --set series=0 --threads 1 -q", 2, {"series", "1"});
}

}  // namespace
}  // namespace recon
