// recon train --operator: a prior that knows the measurement, and the solver that asks it.
#include "data/image_io.h"
#include "recon/core/rng.h"
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMissing = " --operator '{type: inpainting, missing_fraction: 0.7}' --noise-std 0.025";

constexpr const char* kSolver = "--solver '{type: posterior_denoiser, steps: 2}' ";

class TrainOperator : public ProgramTest {
 protected:
  void config(const std::string& more = "") const {
    const std::string photograph = fs::path(test::source_path("data/samples/photograph.png")).string();
    write("train.yaml", "images: " + photograph + "\nvalidation: " + photograph +
                            "\nnetwork: {channels: [16, 16], groups: 8, mid_attention: false}\n"
                            "training: {steps: 12, batch: 4, crop: 32, warmup: 2, checkpoint_every: 3,\n"
                            "           validate_every: 12, validation_levels: 3, validation_images: 1}\n" +
                            more);
  }
  std::string train(const std::string& output, const std::string& more) const {
    return fmt::format("train train.yaml --threads 1 --quiet --set output={} {}", output, more);
  }
  /// The shipped photograph without 70 % of its pixels, noise .025, unless `more` says otherwise.
  std::string solve(const std::string& prior, const std::string& more = "") const {
    return "run '" + fs::path(test::source_path("data/samples/photograph_inpainting.h5")).string() + "' --prior " +
           prior + " --allow-misfit -o x.h5 --force " + (contains(more, "--solver") ? "" : kSolver) + more;
  }
};

TEST_F(TrainOperator, WritesAPriorForItsSolver) {
  config();
  const Outputs got = recon(train("known", std::string("--json") + kMissing));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const auto known = recon("inspect known/ --json").json()["measurement"];
  EXPECT_EQ(known["operator"], "inpainting(random, 30.0 % measured)");
  EXPECT_EQ(known["noise_std"], (std::vector<double>{0.05, 0.05})) << "in units of [-1, 1]";
  const std::string card = file_content(path("known/README.md"));
  for (const char* text : {"| Knows |", "30.0 % measured", "`posterior_denoiser`"}) {
    EXPECT_TRUE(contains(card, text)) << card;
  }
  EXPECT_FALSE(contains(card, "25/255")) << "it is no denoiser of x_t alone";
  const Outputs used = recon(solve("known/", "--samples 2"));
  ASSERT_EQ(used.exit_code, 0) << used.err;
  const Outputs guided = recon(solve("known/", "--solver diffpir --steps 2"));
  EXPECT_EQ(guided.exit_code, 0) << guided.err;
  EXPECT_TRUE(contains(guided.err, "prior of images alone")) << guided.err;
  EXPECT_TRUE(contains(recon("train --help").out, "--operator"));
}

TEST_F(TrainOperator, RefusesWhatItWasNotTrainedFor) {
  config();
  ASSERT_EQ(recon(train("known", kMissing)).exit_code, 0);
  ASSERT_EQ(recon(train("plain", "")).exit_code, 0);
  expect_error(solve("plain/"), 2, {"plain", "not trained for a measurement", "recon train --operator"});
  expect_error(solve("known/", "--noise-std 0.05"), 2, {"known", "0.05", "got 0.1"});
  const std::string simulate = "simulate simulate.yaml --force --quiet --set output=other.h5 --set operator=";
  write("simulate.yaml", "images: " + fs::path(test::source_path("data/samples/photograph.png")).string() +
                             "\nnoise: {std: 0.025}\noperator: {type: identity}\n");
  for (const char* op : {"'{type: blur, std_px: 2}'", "'{type: inpainting, missing_fraction: 0.5}'",
                         "'{type: inpainting, pattern: box}'"}) {
    ASSERT_EQ(recon(simulate + op).exit_code, 0);
    expect_error("run other.h5 --prior known/ --solver posterior_denoiser -o x.h5 --force", 2,
                 {"known", "30.0 % measured", "got "});
  }
}

TEST_F(TrainOperator, EndsWithTheSameWeightsHoweverOftenItIsKilled) {
  config();
  const std::string weights = "unet/diffusion_pytorch_model.safetensors";
  ASSERT_EQ(recon(train("whole", kMissing)).exit_code, 0);
  const Rng rng(22, "kill times");
  int kills = 0;
  Outputs got;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const double seconds = (0.2 + 0.4 * rng.uniform({{i, 0}}, 0, {{1}, ScalarKind::real}).item<double>()) *
                           (1 + 0.1 * static_cast<double>(i));
    got = shell(fmt::format("timeout -s KILL {:.3f} '{}' {}", seconds, test::program(), train("killed", kMissing)));
    if (got.exit_code == 0) break;
    ASSERT_EQ(got.exit_code, 137) << got.err;
    ++kills;
  }
  ASSERT_EQ(got.exit_code, 0) << "not finished after 100 kills";
  EXPECT_GE(kills, 1);
  EXPECT_TRUE(file_content(path("killed") / weights) == file_content(path("whole") / weights));
}

TEST_F(TrainOperator, OneMaskForAllIfWanted) {
  config("measurement: {operator: {type: inpainting, missing_fraction: 0.7, seed: 3}, noise_std: 0.025}\n");
  const auto error = [&](const std::string& output, const std::string& more) {
    return recon(train(output, more + " --json")).json()["validation"][0]["mse"].get<double>();
  };
  EXPECT_NE(error("own", ""), error("one", "--set measurement.mask_per_item=false"));
  expect_error(train("own", "--set measurement.noise_std=0.03"), 2, {"noise_std", "resume"});
}

TEST_F(TrainOperator, SaysWhatIsWrong) {
  config();
  expect_error(train("out", "--operator '{type: blur}'"), 2, {"noise_std"});
  expect_error(train("out", "--noise-std 0.1"), 2, {"`operator` is missing"});
  expect_error(train("out", "--set measurement=blur"), 2, {"measurement", "section with `operator`"});
  expect_error(train("out", std::string(kMissing) + " --noise-std 0"), 2, {"noise-std"});
  expect_error(train("out", "--operator '{type: blur, std: 2}' --noise-std 0.1"), 2, {"std", "std_px"});
  expect_error(train("out", "--operator nothing --noise-std 0.1"), 2, {"nothing"});
  expect_error(train("out", std::string(kMissing) + " --set measurement.noise=1"), 2, {"noise", "noise_std"});
  expect_error(train("out", "--operator '{type: blur}' --set 'measurement.noise_std=[0.2, 0.1]'"), 2,
               {"noise_std", "lowest"});
  expect_error(train("out", "--operator '{type: radon, angles: 8}' --noise-std 0.1"), 2, {"radon", "eigenvalues"});
  expect_error(train("out", "--operator '{type: quantisation}' --noise-std 0.1"), 2, {"quantisation", "linear"});
  expect_error(train("out", std::string(kMissing) + " --set prediction=epsilon"), 3, {"predicts v", "epsilon"});
  expect_error(train("out", std::string(kMissing) + " --from-measurements x.h5"), 2, {"from_measurements", "init"});
}

}  // namespace
}  // namespace recon
