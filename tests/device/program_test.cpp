// The whole program on the device: a config of each verb that computes.
#include "tests/commands/program.h"

#include <cstdlib>

#include "data/result_file.h"

namespace recon {
namespace {

/// `RECON_TEST_DEVICE`, or the strict device by its plug-in.
std::string on_the_device() {
  const char* const wanted = std::getenv("RECON_TEST_DEVICE");
  return wanted != nullptr ? fmt::format(" --device {}", wanted)
                           : std::string(" --plugin '" RECON_STRICT_PLUGIN "' --device strict");
}

class ProgramOnTheDevice : public ProgramTest {
 protected:
  static std::string config(const std::string& name) { return "'" + test::source_path("configs/" + name) + "'"; }

  void run(const std::string& command, const std::string& output, const std::string& device) const {
    const Outputs got = recon(fmt::format("{} --threads 1 --json --set output={}{}", command, output, device));
    ASSERT_EQ(got.exit_code, 0) << got.err;
  }

  /// A `recon run` on the device gives the images of the CPU, but for rounding over a few steps.
  void expect_images_of_the_cpu(const std::string& command) const {
    run(command, "cpu.h5", " --force --device cpu");
    run(command, "device.h5", " --force" + on_the_device());
    const ResultFile cpu = ResultFile::open(path("cpu.h5").string()),
                     device = ResultFile::open(path("device.h5").string());
    const at::Tensor expected = cpu.rows(0, 1).reconstructions, got = device.rows(0, 1).reconstructions;
    EXPECT_LT((got - expected).abs().max().item<double>(), 1e-3 * expected.abs().max().item<double>());
  }
};

TEST_F(ProgramOnTheDevice, RunsDiffusionOnAMask) {
  expect_images_of_the_cpu("run " + config("run/fast_diffpir.yaml") + " --allow-misfit --set solver.steps=2");
}

TEST_F(ProgramOnTheDevice, RunsClassicalSolversOnKspace) {
  expect_images_of_the_cpu("run " + config("run/classical.yaml") + " --allow-misfit --set solver.max_iterations=20");
}

TEST_F(ProgramOnTheDevice, ComparesSolvers) {
  run("compare " + config("compare/quick.yaml") +
          " --allow-misfit --set solvers.1.max_iterations=5 --set solvers.2.steps=2 --set solvers.3.steps=2",
      "comparison", on_the_device());
  EXPECT_TRUE(std::filesystem::exists(path("comparison/report.html")));
}

TEST_F(ProgramOnTheDevice, SolvesABatch) {
  const Outputs solved = recon("batch " + config("batch/demo.yaml") +
                               " -q --allow-misfit --threads 1 --set solver.max_iterations=5" + on_the_device());
  ASSERT_EQ(solved.exit_code, 0) << solved.err;
  EXPECT_EQ(ResultFile::open(path("batch_demo.h5").string()).count(), 2);
}

TEST_F(ProgramOnTheDevice, DrawsSamples) {
  run("sample " + config("sample/natural_gray.yaml") + " --set sampler.steps=2 --set samples=2 --set size=[16,16]",
      "samples.h5", on_the_device());
}

TEST_F(ProgramOnTheDevice, Trains) {
  const std::string photograph = test::source_path("data/samples/photograph.png");
  run("train " + config("train/tiny.yaml") + " --set images='" + photograph + "' --set validation='" + photograph +
          "' --set training.steps=2 --set training.batch=2 --set training.validation_levels=2"
          " --set training.validation_images=1 --set attribution=",
      "trained", on_the_device());
}

}  // namespace
}  // namespace recon
