// recon train --from-measurements: a prior without a clean image.
#include "data/image_io.h"
#include "data/measurement_file.h"
#include "priors/gaussian_prior.h"
#include "priors/power_spectrum.h"
#include "recon/core/rng.h"
#include "tests/commands/program.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeights = "unet/diffusion_pytorch_model.safetensors";
constexpr std::int64_t kSide = 32;

/// Smooth: a decade in frequency is 20 dB.
at::Tensor true_power() {
  const at::Tensor f = at::fft_fftfreq(kSide, 1.0, at::kDouble);
  const at::Tensor power = (f.square().unsqueeze(0) + f.square().unsqueeze(1) + 0.05 * 0.05).reciprocal();
  return (power * (0.09 / power.mean())).unsqueeze(0);
}

class FromMeasurements : public ProgramTest {
 protected:
  /// Images of the Gaussian with mean 0.2 and true_power(), in [-1, 1], of which half of the pixels are measured.
  void write_measurements(const std::string& name, std::int64_t count) const {
    const GaussianPrior truth(at::full({1, kSide, kSide}, 0.2, at::kDouble), Covariance::stationary(true_power()));
    MeasurementSet set;
    std::vector<StreamKey> keys;
    for (std::int64_t i = 0; i < count; ++i) {
      keys.push_back({static_cast<std::uint64_t>(i), 0});
      set.ids.push_back(std::to_string(i));
    }
    set.ground_truth = truth.sample(Rng(1, "images"), keys, at::kFloat);
    const TensorSpec image{{1, kSide, kSide}, ScalarKind::real};
    const at::Tensor mask = Rng(1, "masks").uniform(keys, 0, image).lt(0.5).to(at::kFloat);
    set.y = mask * (set.ground_truth + 0.05 * Rng(1, "noise").normal(keys, 0, image, at::kFloat));
    set.per_item_arrays["mask"] = mask.select(1, 0);
    set.header.image = image;
    set.header.range = {-1, 1};
    set.header.operator_config = "type: inpainting\nmask: mask\n";
    set.header.noise = {.type = NoiseType::gaussian, .std = {0.05}, .peak = 0};
    write_measurement_file(path(name).string(), set);
  }

  void config(const std::string& rounds = "rounds: 2, gaussian_rounds: 1, solver: {type: jfps, steps: 3}") const {
    write("train.yaml", "from_measurements: {input: measured.h5, " + rounds +
                            "}\nnetwork: {channels: [16, 16], groups: 8, mid_attention: false}\n"
                            "training: {steps: 12, batch: 4, warmup: 2, checkpoint_every: 5, validate_every: 12,\n"
                            "           validation_levels: 3}\n");
  }
  std::string train(const std::string& output, const std::string& more = "") const {
    return fmt::format("train train.yaml --threads 1 --quiet --set output={} {}", output, more);
  }
  /// Largest difference to true_power() in dB, at frequencies that a window of this size tells apart.
  double spectrum_error(const std::string& prior) const {
    const Outputs got = recon("inspect " + prior + " --json");
    EXPECT_EQ(got.exit_code, 0) << got.err;
    const at::Tensor found =
        on_frequencies(got.json()["power_spectrum"].get<PowerSpectrum>(), kSide, kSide).unsqueeze(0);
    const at::Tensor db = (10 * (found / true_power()).log10()).abs();
    return db.narrow(1, 3, kSide / 2 - 3).narrow(2, 3, kSide / 2 - 3).max().item<double>();
  }
};

TEST_F(FromMeasurements, GaussianRoundsFindTheSpectrum) {
  write_measurements("measured.h5", 48);
  config("rounds: 1, gaussian_rounds: 6, solver: {type: jfps, steps: 8}");
  const Outputs got = recon(train("out", "--json"));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  std::vector<double> errors;
  for (int round = 0; round <= 6; ++round) {
    errors.push_back(spectrum_error(fmt::format("out/rounds/gaussian_{}/prior/", round)));
  }
  EXPECT_GT(errors[0], 5) << "the beginning is not the answer";
  EXPECT_LT(errors[3], errors[0] - 2);
  EXPECT_LT(errors[6], 2.7);
  const Outputs described = recon("inspect out/rounds/gaussian_6/prior/ --json");
  EXPECT_NEAR(described.json()["mean"][0].get<double>(), 0.2, 0.05);
}

TEST_F(FromMeasurements, WritesAPriorThatSaysWhatItIs) {
  write_measurements("measured.h5", 20);
  write("train.yaml",
        "images: nowhere.png\nvalidation: nowhere.png\nnetwork: {channels: [16, 16], groups: 8, mid_attention: false}\n"
        "training: {steps: 5, batch: 4, warmup: 2, validate_every: 5, validation_levels: 3}\n"
        "from_measurements: {rounds: 1, gaussian_rounds: 1, solver: {type: jfps, steps: 3}}\n");
  const Outputs got = recon(train("out", "--from-measurements measured.h5 --json"));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  ASSERT_EQ(got.json()["rounds"].size(), 1U);
  EXPECT_NEAR(got.json()["rounds"][0]["chi2"].get<double>(), 1, 0.5);
  const std::string card = file_content(path("out/README.md"));
  for (const char* text :
       {"20 measurements by inpainting", "no clean image", "stationary Gaussian", "19 images, grey"}) {
    EXPECT_TRUE(contains(card, text)) << card;
  }
  EXPECT_TRUE(contains(recon("inspect out/ --json").json()["training_data"].get<std::string>(), "no clean image"));
  const Outputs used = recon(
      "run measured.h5 --items 0 --set prior=out/ --set 'solver={type: jfps, steps: 3}' "
      "--allow-misfit --json");
  EXPECT_EQ(used.exit_code, 0) << used.err;
  EXPECT_TRUE(contains(recon("train --help").out, "--from-measurements"));
}

TEST_F(FromMeasurements, EndsWithTheSameWeightsHoweverOftenItIsKilled) {
  write_measurements("measured.h5", 20);
  config();
  ASSERT_EQ(recon(train("whole")).exit_code, 0);
  const Rng rng(21, "kill times");
  int kills = 0;
  Outputs got;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const double seconds = (0.25 + 0.5 * rng.uniform({{i, 0}}, 0, {{1}, ScalarKind::real}).item<double>()) *
                           (1 + 0.1 * static_cast<double>(i));
    got = shell(fmt::format("timeout -s KILL {:.3f} '{}' {}", seconds, test::program(), train("killed")));
    if (got.exit_code == 0) break;
    ASSERT_EQ(got.exit_code, 137) << got.err;
    ++kills;
  }
  ASSERT_EQ(got.exit_code, 0) << "not finished after 100 kills";
  EXPECT_GE(kills, 2);
  for (const char* folder : {"", "rounds/1/prior/", "rounds/2/prior/"}) {
    EXPECT_TRUE(file_content(path("killed") / folder / kWeights) == file_content(path("whole") / folder / kWeights))
        << folder;
  }
}

TEST_F(FromMeasurements, GoesOnForMoreRoundsAndRefusesOthers) {
  write_measurements("measured.h5", 20);
  config();
  ASSERT_EQ(recon(train("whole", "--set from_measurements.rounds=2")).exit_code, 0);
  ASSERT_EQ(recon(train("longer", "--set from_measurements.rounds=1")).exit_code, 0);
  const Outputs got = recon(train("longer", "--set from_measurements.rounds=2 --json"));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.json()["rounds"].size(), 2U);
  EXPECT_TRUE(file_content(path("longer") / kWeights) == file_content(path("whole") / kWeights));
  EXPECT_FALSE(fs::exists(path("longer/rounds/1/draws.h5"))) << "no longer needed";
  EXPECT_EQ(recon(train("longer", "--set from_measurements.rounds=2")).exit_code, 0) << "nothing left to do";
  expect_error(train("longer", "--set from_measurements.rounds=1"), 2, {"2 rounds are done", "resume"});
  expect_error(train("longer", "--set from_measurements.solver.steps=4"), 2, {"rounds.json", "steps was 3, is 4"});
  write_measurements("measured.h5", 21);
  expect_error(train("longer"), 2, {"rounds.json", "measurements"});
  EXPECT_EQ(recon(train("longer", "--set resume=never --set from_measurements.rounds=1")).exit_code, 0);
}

TEST_F(FromMeasurements, SimulateDrawsAMaskForEachItem) {
  write_png(path("a.png"), at::full({1, kSide, kSide}, 0.5), {0, 1});
  const auto simulate = [&](const std::string& op) {
    write("simulate.yaml",
          "images: [a.png, a.png]\nmask_per_item: true\nnoise: {std: 0.01}\noutput: out.h5\noperator: " + op + "\n");
    return recon("simulate simulate.yaml --force");
  };
  for (const char* op : {"{type: inpainting, missing_fraction: 0.5, seed: 7}",
                         "{type: fourier, pattern: cartesian_random, acceleration: 2, seed: 7}"}) {
    ASSERT_EQ(simulate(op).exit_code, 0);
    const MeasurementFile file = MeasurementFile::open(path("out.h5").string());
    ASSERT_EQ(file.per_item_arrays(), std::vector<std::string>{"mask"});
    const at::Tensor first = file.item(0).arrays.at("mask"), second = file.item(1).arrays.at("mask");
    EXPECT_EQ(first.sizes(), (at::IntArrayRef{kSide, kSide}));
    EXPECT_FALSE(at::equal(first, second));
    EXPECT_EQ(first.sum().item<double>(), second.sum().item<double>()) << "as much is measured";
    EXPECT_TRUE(at::equal((file.item(1).y != 0).any(0), second != 0)) << "the data lie where the mask says";
    EXPECT_EQ(recon("run out.h5 --solver tikhonov_cg -o x.h5 --force --json").exit_code, 0);
  }
  for (const char* op : {"{type: blur, std_px: 1}", "{type: inpainting, pattern: box}"}) {
    const Outputs got = simulate(op);
    if (got.exit_code != 0) {
      EXPECT_TRUE(contains(got.error(), "mask_per_item")) << got.err;
    } else {
      ADD_FAILURE() << op;
    }
  }
}

TEST_F(FromMeasurements, SaysWhatIsWrong) {
  write_measurements("measured.h5", 4);
  config();
  expect_error(train("out", "--set images=x.png"), 2, {"images", "from_measurements"});
  expect_error(train("out", "--set from_measurements.input={}"), 2, {"input", "files"});
  expect_error(train("out", "--set from_measurements.input=nowhere.h5"), 3, {"nowhere.h5"});
  expect_error(train("out", "--set from_measurements=measured.h5"), 2, {"from_measurements", "section with `input`"});
  expect_error(train("out", "--set from_measurements.round=3"), 2, {"round", "rounds"});
  expect_error(train("out", "--set from_measurements.solver=tv_pdhg"), 2, {"tv_pdhg", "samples", "jfps"});
  expect_error(train("out", "--set from_measurements.solver.setps=3"), 2, {"setps", "steps"});
  expect_error(train("out", "--set from_measurements.items=0"), 2, {"one item"});
  expect_error(train("out", "--set channels=rgb"), 2, {"3 channel(s)", "channels"});
  expect_error(train("out", "--set network.attention=[7]"), 2, {"attention", "below 2"});
  ASSERT_FALSE(fs::exists(path("out"))) << "nothing is drawn for a network that cannot be";
  expect_error(train("train.yaml/out"), 3, {"train.yaml", "output folder"});
  expect_error(train("out", "--tune"), 2, {"--tune", "images"});
  write_png(path("a.png"), at::full({1, kSide, kSide}, 0.5), {0, 1});
  write("missing.yaml", "from_measurements: {rounds: 3}\n");
  expect_error("train missing.yaml", 2, {"missing.yaml:1", "`input` is missing"});
  write_png(path("a.png"), at::full({1, kSide, kSide}, 0.5), {0, 1});
  write("stack.yaml", "from_measurements: {input: {files: a.npy, format: npy, operator: {type: identity}}}\n");
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 8, 8), }";
  write("a.npy", std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size() + 1) + std::string(1, '\0') +
                     header + "\n" + std::string(4 * 2 * 8 * 8, '\0'));
  expect_error("train stack.yaml --quiet", 3, {"a.npy", "noise level", "noise_std"});
  write("stack.yaml", "from_measurements: {input: {files: a.npy, format: npy, noise: {std: 0.1}}}\n");
  expect_error("train stack.yaml --quiet", 2, {"operator"});
  const std::string simulated = "from_measurements: {input: {simulate: {images: a.png, noise: {std: 0.01}, operator: ";
  write("phase.yaml", simulated + "{type: fourier_magnitude, oversampling: 2}}}}\n");
  write_png(path("b.png"), at::full({1, kSide, kSide}, 0.25), {0, 1});
  expect_error("train phase.yaml --quiet --set 'from_measurements.input.simulate.images=[a.png, b.png]'", 2,
               {"not linear", "init"});
  write_png(path("small.png"), at::full({1, 16, 16}, 0.5), {0, 1});
  for (const char* name : {"a", "small"}) {
    write("simulate.yaml", fmt::format("images: {0}.png\noperator: {{type: identity}}\nnoise: {{std: 0.1}}\n"
                                       "output: {0}.h5\n",
                                       name));
    ASSERT_EQ(recon("simulate simulate.yaml").exit_code, 0);
  }
  expect_error(train("out", "--set 'from_measurements.input=[a.h5, small.h5]'"), 2, {"one shape", "small.h5", "16"});
}

}  // namespace
}  // namespace recon
