// Every verb on a device that refuses blocks beyond a size: batches and samples are halved, results stay.
#include "data/calibration_file.h"
#include "data/measurement_file.h"
#include "data/result_file.h"
#include "data/samples_file.h"
#include "recon/core/rng.h"
#include "tests/commands/program.h"

namespace recon {
namespace {

constexpr std::int64_t kSide = 64, kItems = 4;
/// Of bytes: the weights fit, and the features of natural_gray of two images (1.6 MB); those of four do not (3.1 MB).
constexpr std::int64_t kLargest = 2'600'000;

class VerbsWithLittleMemory : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    MeasurementSet set;
    set.header.image = {{1, kSide, kSide}, ScalarKind::real};
    set.header.operator_config = "type: identity\n";
    set.header.noise = {.type = NoiseType::gaussian, .std = {0.05}, .peak = 0};
    std::vector<StreamKey> keys;
    for (std::int64_t i = 0; i < kItems; ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
    const Rng rng(3, "memory test");
    const at::Tensor ramp = at::linspace(0.2, 0.8, kSide, at::kFloat).expand({kItems, 1, kSide, kSide});
    set.ground_truth = ramp.contiguous();
    set.y = ramp + 0.05 * rng.normal(keys, 0, set.header.image, at::kFloat);
    write_measurement_file(path("y.h5").string(), set);
  }

  /// With all the memory it wants, then on the device that refuses: it says so and goes on.
  void run_both_ways(const std::string& command, const std::string& output) const {
    const std::string whole = " -o whole_" + output, halved = " -o halved_" + output;
    const std::string device = " --threads 1 --plugin '" RECON_STRICT_PLUGIN "' --device strict";
    const Outputs free = recon(command + whole + device);
    ASSERT_EQ(free.exit_code, 0) << free.err;
    EXPECT_FALSE(contains(free.err, "at a time do not fit"));
    const Outputs refused =
        shell(fmt::format("RECON_STRICT_LARGEST={} '{}' {}", kLargest, test::program(), command + halved + device));
    ASSERT_EQ(refused.exit_code, 0) << refused.err;
    EXPECT_TRUE(contains(refused.err, "memory: 4 images at a time do not fit; going on with 2")) << refused.err;
  }

  static void expect_close(const at::Tensor& halved, const at::Tensor& whole) {
    ASSERT_EQ(halved.sizes(), whole.sizes());
    EXPECT_LT((halved - whole).abs().max().item<double>(), 1e-4 * whole.abs().max().item<double>());
  }
  void expect_same_images(std::int64_t items) const {
    const ResultFile whole = ResultFile::open(path("whole_r.h5").string());
    const ResultFile halved = ResultFile::open(path("halved_r.h5").string());
    ASSERT_EQ(halved.count(), items);
    expect_close(halved.rows(0, items).reconstructions, whole.rows(0, items).reconstructions);
  }

  static constexpr const char* kSolver = " --allow-misfit --solver '{type: dps, steps: 2, solves: 0}'";
};

TEST_F(VerbsWithLittleMemory, RunGoesOnWithFewerSamples) {
  run_both_ways(std::string("run y.h5 --items 0 --samples 4") + kSolver, "r.h5");
  expect_same_images(1);
  const auto std = [&](const char* file) { return ResultFile::open(path(file).string()).rows(0, 1).std; };
  expect_close(std("halved_r.h5"), std("whole_r.h5"));
}

TEST_F(VerbsWithLittleMemory, BatchGoesOnWithFewerItems) {
  write("batch.yaml", "input: y.h5\nbatch: {size: 4}\noutput: {path: b.h5}\n");
  run_both_ways(std::string("batch batch.yaml") + kSolver, "r.h5");
  expect_same_images(kItems);
}

TEST_F(VerbsWithLittleMemory, CompareGoesOnWithFewerSamples) {
  write("compare.yaml",
        "tasks: [{name: denoising, input: y.h5, items: ['0']}]\n"
        "solvers: [{type: adjoint}, {type: dps, steps: 2, solves: 0, samples: 4}]\noutput: c\n");
  run_both_ways("compare compare.yaml --allow-misfit", "c");
  EXPECT_TRUE(std::filesystem::exists(path("halved_c/report.html")));
}

TEST_F(VerbsWithLittleMemory, CalibrateGoesOnWithFewerSamples) {
  write("calibrate.yaml",
        "input: y.h5\nsolver: {type: dps, steps: 2, solves: 0}\nsamples: 4\nmiss: 0.4\nconfidence: 0.5\n");
  run_both_ways("calibrate calibrate.yaml", "c.h5");
  const at::Tensor halved = read_calibration_file(path("halved_c.h5").string()).misses;
  const at::Tensor whole = read_calibration_file(path("whole_c.h5").string()).misses;
  ASSERT_EQ(halved.sizes(), whole.sizes());
  // Shares of the pixels beyond a limit: rounding may move a pixel or two across it.
  EXPECT_LE((halved - whole).abs().max().item<double>(), 2.0 / (kSide * kSide));
}

TEST_F(VerbsWithLittleMemory, SampleGoesOnWithFewerImages) {
  write("sample.yaml", fmt::format("prior: natural_gray\nsamples: 6\nbatch: 4\nsize: [{0}, {0}]\n"
                                   "sampler: {{type: ddim, steps: 12}}\ntrajectory: t.png\n",
                                   kSide));
  run_both_ways("sample sample.yaml --force", "s.h5");
  expect_close(read_samples_file(path("halved_s.h5").string()).samples,
               read_samples_file(path("whole_s.h5").string()).samples);
}

TEST_F(VerbsWithLittleMemory, WhatDoesNotFitEvenAloneIsOneError) {
  const std::string device = std::string(" --threads 1 --plugin '") + RECON_STRICT_PLUGIN + "' --device strict";
  const Outputs got = shell(fmt::format("RECON_STRICT_LARGEST=100000 '{}' run y.h5 --items 0 --samples 4{}{} -o r.h5",
                                        test::program(), kSolver, device));
  EXPECT_EQ(got.exit_code, 4) << got.err;
  EXPECT_TRUE(contains(got.error(), "memory: an image of real [1, 64, 64] does not fit even alone")) << got.err;
}

}  // namespace
}  // namespace recon
