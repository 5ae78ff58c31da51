// recon train as a user runs it: killed, resumed, misused.
#include <chrono>
#include <cmath>
#include <thread>

#include "data/image_io.h"
#include "priors/checkpoints/safetensors.h"
#include "recon/config/config.h"
#include "recon/core/progress.h"
#include "recon/core/rng.h"
#include "recon/pipeline/train/training_tuning.h"
#include "tests/commands/program.h"
#include "tests/commands/watched.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeights = "unet/diffusion_pytorch_model.safetensors";

class TrainVerb : public ProgramTest {
 protected:
  /// A few seconds of training: small network, several checkpoints, two exports.
  fs::path config(const std::string& more = "") const {
    const std::string photograph = (fs::path(test::source_path("data/samples/photograph.png"))).string();
    return write("train.yaml", "images: " + photograph + "\nvalidation: " + photograph +
                                   "\nnetwork: {channels: [16, 16], groups: 8, mid_attention: false}\n"
                                   "training: {steps: 60, batch: 4, crop: 32, warmup: 5, checkpoint_every: 7,\n"
                                   "           validate_every: 30, validation_levels: 3, validation_images: 1}\n" +
                                   more);
  }
  std::string train(const std::string& output, const std::string& more = "") const {
    return fmt::format("train train.yaml --threads 1 --quiet --set output={} {}", output, more);
  }
};

TEST_F(TrainVerb, WritesAPriorThatEveryOtherVerbTakes) {
  config("name: mine\nlicence: CC0\nattribution: people.csv\n");
  write("people.csv", "photographer,licence\nAda,CC0\n");
  const Outputs got = recon(train("mine", "--json"));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const auto json = got.json();
  EXPECT_EQ(json["outcome"], "finished");
  EXPECT_EQ(json["steps"], 60);
  EXPECT_EQ(json["validation"].size(), 3U);
  EXPECT_LT(json["loss"].get<double>(), 1.0);
  for (const char* file : {kWeights, "unet/config.json", "scheduler/scheduler_config.json", "model_index.json",
                           "prior.yaml", "README.md", "loss.svg", "training_config.yaml", "progress.png"}) {
    EXPECT_TRUE(fs::exists(path("mine") / file)) << file;
  }
  EXPECT_EQ(file_content(path("mine/attribution.csv")), "photographer,licence\nAda,CC0\n");
  const std::string card = file_content(path("mine/README.md"));
  for (const char* text : {"denoising 1 validation images", "| Licence | CC0 |", "attribution.csv", "| 25/255 |",
                           "| r = 10 |", "| total variation |", "1 images, grey"}) {
    EXPECT_TRUE(contains(card, text)) << text << "\n" << card;
  }
  const Outputs inspected = recon("inspect mine/ --json");
  ASSERT_EQ(inspected.exit_code, 0) << inspected.err;
  EXPECT_EQ(inspected.json()["attribution"], "attribution.csv");
  EXPECT_EQ(inspected.json()["symmetry"], "mirror") << "half of the images were mirrored in training";
  const std::string photograph = (fs::path(test::source_path("data/samples/photograph_blur.h5"))).string();
  const Outputs used = recon("run '" + photograph + "' --set prior=mine/ --set solver.steps=2 --allow-misfit --json");
  EXPECT_EQ(used.exit_code, 0) << used.err;
  const Outputs again = recon(train("mine", "--json"));
  EXPECT_EQ(again.exit_code, 0) << "a finished run has nothing left to do: " << again.err;
  EXPECT_EQ(again.json()["steps"], 60);
}

TEST_F(TrainVerb, TakesFoldersAndHdf5DatasetsTogether) {
  config();
  const fs::path samples = fs::path(test::source_path("data/samples"));
  fs::create_directory(path("photos"));
  fs::copy(samples / "photograph.png", path("photos/a.png"));
  fs::copy(samples / "brain.png", path("photos/b.png"));
  const std::string truth = (samples / "photograph_inpainting.h5").string() + ":/ground_truth";
  const Outputs got = recon(train("out", "--set 'images=[photos, \"" + truth + "\"]' --set training.steps=2 --json"));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_TRUE(contains(file_content(path("out/README.md")), "Trained on | 3 images"));
}

TEST_F(TrainVerb, EndsWithTheSameWeightsHoweverOftenItIsKilled) {
  config();
  ASSERT_EQ(recon(train("whole")).exit_code, 0);
  const Rng rng(20, "kill times");
  int kills = 0;
  Outputs got;
  for (std::uint64_t i = 0; i < 100; ++i) {
    // Longer with each try, so that progress is made on slow machines (and under sanitizers) as well.
    const double seconds =
        (0.3 + rng.uniform({{i, 0}}, 0, {{1}, ScalarKind::real}).item<double>()) * (1 + 0.1 * static_cast<double>(i));
    got = shell(fmt::format("timeout -s KILL {:.3f} '{}' {}", seconds, test::program(), train("killed")));
    if (got.exit_code == 0) break;
    ASSERT_EQ(got.exit_code, 137) << got.err;
    ++kills;
    const fs::path state = path("killed/training_state.safetensors");
    if (fs::exists(state)) {
      EXPECT_NO_THROW(SafetensorsFile{state}) << "a kill must not leave a damaged state";
    }
  }
  ASSERT_EQ(got.exit_code, 0) << "not finished after 100 kills";
  EXPECT_GE(kills, 2);
  EXPECT_TRUE(file_content(path("killed") / kWeights) == file_content(path("whole") / kWeights));
  const SafetensorsFile whole(path("whole/training_state.safetensors")),
      killed(path("killed/training_state.safetensors"));
  for (const auto& entry : whole.entries()) {
    EXPECT_TRUE(whole.tensor(entry.name).equal(killed.tensor(entry.name))) << entry.name;
  }
}

TEST_F(TrainVerb, SavesAndGoesOnAfterControlC) {
  config();
  ASSERT_EQ(recon(train("whole")).exit_code, 0);
  Watched training(fmt::format("cd '{}' && exec '{}' {} >stopped.json 2>stopped.err", path("").string(),
                               test::program(), train("stopped", "--json")));
  // Interrupted in the middle on a machine of any speed: when the first checkpoint is there.
  while (!fs::exists(path("stopped/training_state.safetensors")) && training.running()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  training.signal_all(SIGINT);
  ASSERT_EQ(training.wait(), 1) << file_content(path("stopped.err"));
  EXPECT_EQ(nlohmann::json::parse(file_content(path("stopped.json")))["outcome"], "interrupted");
  ASSERT_EQ(recon(train("stopped")).exit_code, 0);
  EXPECT_TRUE(file_content(path("stopped") / kWeights) == file_content(path("whole") / kWeights));
}

TEST_F(TrainVerb, TakesAFinishedRunUpAgainForMoreSteps) {
  config();
  ASSERT_EQ(recon(train("out", "--set training.steps=10")).exit_code, 0);
  const Outputs got = recon(train("out", "--set training.steps=20 --json"));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.json()["steps"], 20);
  EXPECT_TRUE(contains(file_content(path("out/README.md")), "| Steps | 20 of"));
  const Outputs timed = recon(train("out", "--set training.steps=1000000 --set training.minutes=0.0001 --json"));
  ASSERT_EQ(timed.exit_code, 0) << timed.err;
  EXPECT_EQ(timed.json()["steps"], 20) << "the earlier sessions have used the time up";
}

TEST_F(TrainVerb, SaysWhetherColourIsDropped) {
  config();
  at::Tensor colour = at::zeros({3, 64, 64});
  colour[0].fill_(1);
  write_png(path("red.png"), colour, {0, 1});
  const std::string red = "--set images=red.png --set validation=red.png --set training.steps=2 --json ";
  EXPECT_EQ(recon(train("grey", red)).json()["images"], "in colour, taken as grey (luma)");
  EXPECT_TRUE(contains(file_content(path("grey/README.md")), "taken as grey (luma)"));
  EXPECT_EQ(recon(train("rgb", red + "--set channels=rgb")).json()["images"], "in colour");
  const Outputs mixed =
      recon("train train.yaml --threads 1 --set output=both --set training.steps=2 --set 'images=[red.png, \"" +
            test::source_path("data/samples/photograph.png") + "\"]'");
  ASSERT_EQ(mixed.exit_code, 0) << mixed.err;
  EXPECT_TRUE(contains(mixed.err, "images: partly in colour, taken as grey (luma)")) << mixed.err;
}

/// Trained on black, judged on a photograph.
TEST_F(TrainVerb, KeepsTheBestAndSaysWhenValidationTurnsUp) {
  config();
  write_png(path("black.png"), at::zeros({1, 64, 64}), {0, 1});
  const Outputs got = recon(
      "train train.yaml --threads 1 --set output=out --set images=black.png --json "
      "--set training.learning_rate=0.02 --set training.validate_every=5");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const auto best = got.json()["weights_of_step"].get<std::int64_t>();
  EXPECT_LT(best, 55);
  EXPECT_TRUE(contains(got.err, "validation has turned up")) << got.err;
  EXPECT_TRUE(contains(got.err, fmt::format("after step {}, whose weights", best))) << got.err;
  EXPECT_TRUE(contains(file_content(path("out/README.md")), fmt::format("| Weights | of step {}, ", best)));
}

// Half of a search is no proposal.
TEST_F(TrainVerb, ProposesNothingWhenStoppedBefore) {
  config();
  const TrainingPlan plan = read_training_plan(Config::from_file(path("train.yaml")), std::nullopt);
  CancellationToken token;
  token.cancel();
  RunControls controls;
  controls.cancellation = &token;
  const TrainingProposal proposal = tune_training(plan, controls);
  EXPECT_TRUE(proposal.interrupted);
  EXPECT_EQ(proposal.batch, 0);
  EXPECT_TRUE(proposal.rates.empty());
}

TEST_F(TrainVerb, ProposesABatchAndARateAndWritesNothing) {
  config();
  const Outputs got = recon("train train.yaml --tune --threads 1 -q --json --set output=out --set training.crop=16");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const auto json = got.json();
  ASSERT_GE(json["batches"].size(), 2U);
  double least = INFINITY;
  for (const auto& cost : json["batches"]) least = std::min(least, cost["seconds_per_image"].get<double>());
  for (const auto& cost : json["batches"]) {
    const bool enough = cost["seconds_per_image"].get<double>() <= 1.1 * least;
    EXPECT_GT(cost["peak_mib"].get<double>(), 0);
    if (cost["batch"] < json["batch"]) {
      EXPECT_FALSE(enough) << cost;
    }
    if (cost["batch"] == json["batch"]) {
      EXPECT_TRUE(enough) << cost;
    }
  }
  ASSERT_EQ(json["learning_rates"].size(), 5U);
  const auto& rates = json["learning_rates"];
  double best = INFINITY, of_best = 0;
  for (const auto& trial : rates) {
    if (!trial["loss"].is_number() || trial["loss"] >= best) continue;
    best = trial["loss"];
    of_best = trial["learning_rate"];
  }
  EXPECT_LE(json["learning_rate"].get<double>(), of_best);
  // A fresh network whose last layer is zero begins at the loss of predicting nothing: a rate of 3e-5 hardly moves it.
  EXPECT_GT(rates[0]["loss"].get<double>(), 1.1 * best);
  EXPECT_FALSE(fs::exists(path("out")));
}

TEST_F(TrainVerb, RefusesToMixRuns) {
  config();
  ASSERT_EQ(recon(train("out", "--set training.steps=2")).exit_code, 0);
  expect_error(train("out", "--set training.steps=2 --seed 5"), 2, {"training_state", "seed was 0, is 5", "never"});
  EXPECT_EQ(recon(train("out", "--set training.steps=2 --seed 5 --set resume=never")).exit_code, 0);
}

TEST_F(TrainVerb, SaysWhatIsWrong) {
  config();
  expect_error(train("out", "--set training.crop=30 --set space_to_depth=2"), 2, {"crop", "multiple of 4"});
  expect_error(train("out", "--set training.crop=4096"), 3, {"smaller than the crop"});
  expect_error(train("out", "--set attribution=nobody.csv"), 2, {"attribution", "nobody.csv"});
  expect_error(train("out", "--set network.channels=[12]"), 2, {"channels", "groups"});
  expect_error(train("out", "--set network.attention=[7]"), 2, {"attention", "below 2"});
  expect_error(train("out", "--set images=nowhere.png"), 3, {"nowhere.png"});
  expect_error(train("out", "--set images=[]"), 2, {"`images` is missing"});
  expect_error(train("out", "--set training.stpes=3"), 2, {"stpes", "steps"});
  expect_error(train("out", "--set prediction=u"), 2, {"prediction", "flow_to_noise"});
  expect_error(train("out", "--set schedule.type=linear"), 2, {"schedule", "linear"});
  expect_error(train("out", "--set value_range=[1,-1]"), 2, {"value_range", "low < high"});
  expect_error(train("out", "--set init=natural_gray"), 2, {"network", "init"});
  write("train2.yaml", "images: x\ninit: natural_gray\n");
  expect_error("train train2.yaml --set images=nowhere.png", 2, {"space_to_depth 2"});
  write("train3.yaml", "images: x\ninit: natural_gray\nchannels: rgb\nspace_to_depth: 2\n");
  expect_error("train train3.yaml --set images=nowhere.png", 2, {"natural_gray", "1 channel"});
  write("train4.yaml", "images: x\ninit: " + test::source_path("tests/golden/monai/updown_classes") + "\n");
  expect_error("train train4.yaml --set images=nowhere.png", 3, {"updown_classes", "class labels"});
  expect_error(train("train.yaml/out"), 3, {"train.yaml"});
}

TEST_F(TrainVerb, APriorWithPositionsSaysSoAndDraws) {
  config("position_channels: true\n");
  const Outputs got = recon(train("placed", "--set training.steps=4 --json"));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_TRUE(contains(file_content(path("placed/prior.yaml")), "position_channels: true"));
  EXPECT_TRUE(contains(file_content(path("placed/README.md")), "| Sees | where each pixel lies"));
  const Outputs inspected = recon("inspect placed/ --json");
  ASSERT_EQ(inspected.exit_code, 0) << inspected.err;
  EXPECT_EQ(inspected.json()["position_channels"], true);
  EXPECT_EQ(inspected.json()["channels"], 1);
  write("train5.yaml", "images: x\ninit: placed/\n");
  expect_error("train train5.yaml --set images=nowhere.png", 2, {"placed/", "position_channels: true"});
}

/// Not a number in the data is found when it is read; diverging weights end the run with what was good.
TEST_F(TrainVerb, EndsWhenWeightsDiverge) {
  config();
  const Outputs got = recon(train("out",
                                  "--set training.learning_rate=1e30 --set training.warmup=0 "
                                  "--set training.gradient_clip=0 --json"));
  EXPECT_EQ(got.exit_code, 1) << got.err;
  EXPECT_EQ(got.json()["outcome"], "diverged");
}

/// natural_gray denoises a photograph better than total variation at every level.
TEST_F(TrainVerb, APriorIsJudgedByTheImagesItDenoises) {
  const std::string photograph = (fs::path(test::source_path("data/samples/photograph.png"))).string();
  const Outputs got = recon("inspect natural_gray --denoise '" + photograph + "' --json");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const auto rows = got.json()["denoising"];
  ASSERT_EQ(rows.size(), 7U);
  EXPECT_EQ(rows[1]["level"], "25/255");
  EXPECT_NEAR(rows[1]["relative_sigma"].get<double>(), 50.0 / 255, 1e-12);
  for (const auto& row : rows) EXPECT_GT(row["psnr"], row["psnr_total_variation"]) << row.dump();
  expect_error("inspect natural_gray --denoise nowhere", 3, {"nowhere", "folder of pictures"});
}

}  // namespace
}  // namespace recon
