// What a new user types in the first five minutes: words that work, and mistakes that are explained.
#include "data/image_io.h"
#include "recon/core/tensor_spec.h"
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

class FirstMinutes : public ProgramTest {
 protected:
  static std::string sample(const std::string& name) { return test::source_path("data/samples/" + name); }
};

TEST_F(FirstMinutes, APictureIsAMeasurement) {
  const Outputs got =
      recon("run '" + sample("blurred.png") +
            "' --operator '{type: blur, std_px: 1.5}' --noise-std 0.02 --solver tv_pdhg -o sharp.png --json");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.json()["files"][0], "sharp.png");
  EXPECT_NEAR(got.json()["items"][0]["chi2"].get<double>(), 1, 0.05);
  const auto error = [&](const std::string& file) {
    return (read_image(file) - read_image(sample("photograph.png"))).square().mean().item<double>();
  };
  EXPECT_LT(error(path("sharp.png").string()), 0.7 * error(sample("blurred.png")));
}

TEST_F(FirstMinutes, ItsNoiseIsEstimatedAndSaid) {
  const Outputs got =
      recon("run '" + sample("blurred.png") + "' --operator '{type: blur, std_px: 1.5}' --solver tv_pdhg -o sharp.tif");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_TRUE(contains(got.err, "noise level 0.02") || contains(got.err, "noise level 0.019")) << got.err;
  EXPECT_EQ(read_image(path("sharp.tif").string()).sizes().vec(), (Shape{1, 128, 128}));
}

TEST_F(FirstMinutes, WithoutASolverOneThatSuitsIsTakenAndSaid) {
  const std::string run = "run '" + sample("photograph_blur.h5") + "' --threads 1 ";
  const Outputs one = recon(run);
  ASSERT_EQ(one.exit_code, 0) << one.err;
  EXPECT_TRUE(contains(one.err, "auto takes plug_and_play")) << one.err;
  EXPECT_TRUE(contains(recon("inspect reconstruction.h5 --all").out, "type: \"plug_and_play\""))
      << "the config that is stored";
  const Outputs stated = recon(run + "--solver plug_and_play -o stated.h5 --json");
  const Outputs chosen = recon(run + "--solver auto -o chosen.h5 --json");
  EXPECT_EQ(chosen.json()["items"][0]["chi2"], stated.json()["items"][0]["chi2"]);
  EXPECT_EQ(chosen.json()["items"][0]["solver"], "plug_and_play");
  const Outputs options = recon(run + "--solver '{type: auto, steps: 4}' -o no.h5");
  EXPECT_EQ(options.exit_code, 2);
  EXPECT_TRUE(contains(options.err, "`auto` takes no options") && contains(options.err, "'steps'")) << options.err;
}

TEST_F(FirstMinutes, AnImageIsLargerThanItsPictureWhereTheOperatorSaysSo) {
  const Outputs got = recon("run '" + sample("bead.png") +
                            "' --operator '{type: super_resolution, factor: 2}' --noise-std 0.01 --solver adjoint "
                            "--allow-misfit -o x.png");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(read_image(path("x.png").string()).sizes().vec(), (Shape{1, 50, 50}));
}

TEST_F(FirstMinutes, OutputsAreWrittenByTheirEnding) {
  for (const std::string ending : {"h5", "png", "tif", "tiff", "nii", "nii.gz", "cfl"}) {
    const Outputs got = recon(fmt::format("run '{}' --solver adjoint --allow-misfit -q -o out.{}",
                                          sample("photograph_inpainting.h5"), ending));
    EXPECT_EQ(got.exit_code, 0) << ending << got.err;
    EXPECT_TRUE(fs::exists(path("out." + ending))) << ending;
  }
}

TEST_F(FirstMinutes, WhatIsThereIsReplacedOnlyWhenForced) {
  const std::string run = "run '" + sample("photograph_inpainting.h5") + "' --solver adjoint --allow-misfit -q ";
  write("images.yaml", "images: phantom:shepp_logan:32\noperator: {type: blur, std_px: 1}\n");
  write("compared.yaml", "tasks: [{input: made.h5}]\nsolvers: [adjoint]\noutput: compared\n");
  write("draws.yaml",
        "sampler: {type: ddim, steps: 1}\nsize: [32, 32]\nsamples: 1\noutput: draws.h5\ngrid: draws.png\n");
  const std::vector<std::pair<std::string, std::string>> verbs = {
      {run + "-o one.h5 --preview one.png", "one.h5"},
      {run + "-o two.png", "two.png"},
      {"simulate images.yaml -o made.h5", "made.h5"},
      {"compare compared.yaml --allow-misfit", "compared/report.html"},
      {"sample draws.yaml", "draws.h5"},
      {"export one.h5 -o three.tif", "three.tif"}};
  for (const auto& [command, file] : verbs) {
    ASSERT_EQ(recon(command).exit_code, 0) << command;
    const auto written = fs::last_write_time(path(file));
    const Outputs again = recon(command);
    EXPECT_EQ(again.exit_code, 2) << command;
    EXPECT_TRUE(contains(again.err, file) && contains(again.err, "--force")) << again.err;
    EXPECT_EQ(fs::last_write_time(path(file)), written);
    EXPECT_EQ(recon(command + " --force").exit_code, 0) << command;
    EXPECT_GT(fs::last_write_time(path(file)), written) << command;
  }
}

TEST_F(FirstMinutes, WordsForTheMostWantedKeys) {
  const std::string run = "run '" + sample("photograph_blur.h5") + "' --json --allow-misfit --force ";
  for (const std::string words :
       {"--solver tv_pdhg", "--set solver=tv_pdhg", "--set 'solver={type: tv_pdhg}'", "--solver 'tv_pdhg' --items 0",
        "--solver '{type: tv_pdhg}' --items 0-0", "--set solver=diffpir --solver tv_pdhg --set solver=tv_pdhg",
        "--set 'baselines=[adjoint]' --solver tv_pdhg"}) {
    const Outputs got = recon(run + words);
    ASSERT_EQ(got.exit_code, 0) << words << got.err;
    EXPECT_EQ(got.json()["items"].back()["solver"], "tv_pdhg") << words;
  }
  const Outputs got = recon(run + "--steps 3 --set solver=diffpir --samples 2 --prior brain_mri -o r.h5");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.json()["items"].back()["nfe_forward"], 3);
  const std::string inspected = recon("inspect r.h5").out;
  EXPECT_TRUE(contains(inspected, "brain_mri")) << inspected;
}

TEST_F(FirstMinutes, TheKeysOfEveryConfigAreShown) {
  for (const std::string verb : {"run", "batch", "compare", "simulate", "sample", "train", "import"}) {
    const Outputs got = recon("list config " + verb + " --json");
    ASSERT_EQ(got.exit_code, 0) << verb << got.err;
    EXPECT_GT(got.json()[verb].size(), 3U) << verb;
    const std::string help = recon(verb + " --help").out;
    const auto keys = got.json();
    for (const auto& key : keys[verb]) {
      EXPECT_TRUE(contains(help, "\n  " + key["name"].get<std::string>() + " ")) << verb << " " << key["name"];
    }
  }
}

/// Forty mistakes: what is said of each, and with which exit code.
TEST_F(FirstMinutes, MistakesAreExplained) {
  const std::string blur = "'" + sample("photograph_blur.h5") + "'", photo = "'" + sample("photograph.png") + "'";
  write("run.yaml", "input: " + sample("photograph_blur.h5") + "\nsolver: {type: tv_pdhg}\n");
  write("empty.yaml", "");
  write("list.yaml", "- a\n- b\n");
  write("tab.yaml", "input: a.h5\n\tsolver: dps\n");
  write("twice.yaml", "input: a.h5\ninput: b.h5\n");
  write("text.h5", "this is no HDF5 file");
  write("broken.png", "\x89PNG\r\n\x1a\n");
  fs::create_directory(path("folder"));
  struct Mistake {
    std::string arguments;
    int exit_code;
    std::vector<std::string> words;
  };
  const std::vector<Mistake> mistakes = {
      // The command line
      {"", 2, {"subcommand"}},
      {"reconstruct " + blur, 2, {"no verb 'reconstruct'"}},
      {"rum " + blur, 2, {"did you mean 'run'?"}},
      {"run", 2, {"CONFIG", "recon run --help"}},
      {"run " + blur + " --solvr tv_pdhg", 2, {"no option --solvr", "did you mean --solver?", "recon run --help"}},
      {"run " + blur + " --sample 4", 2, {"no option --sample", "did you mean --samples?"}},
      {"run " + blur + " --out x.h5", 2, {"no option --out", "recon run --help"}},
      {"run " + blur + " --gpu", 2, {"no option --gpu"}},
      {"run " + blur + " --device gpu", 2, {"expected auto, cpu, cuda"}},
      {"run " + blur + " --threads many", 2, {"threads"}},
      {"run " + blur + " -o", 2, {"output", "recon run --help"}},
      {"compare " + blur, 2, {"binary"}},
      {"list solver", 2, {"solvers"}},
      {"list solvers run", 2, {"only config takes a verb"}},
      {"list config export", 2, {"export"}},
      // Files
      {"run nowhere.yaml", 2, {"nowhere.yaml: no such file"}},
      {"run nowhere.h5", 2, {"nowhere.h5: no such file"}},
      {"run folder", 2, {"folder", "is a folder"}},
      {"run text.h5", 2, {"text.h5"}},
      {"run broken.png --operator identity", 3, {"broken.png"}},
      {"run empty.yaml", 2, {"`input` is missing"}},
      {"run list.yaml", 2, {"expected a config of `key: value` lines, found a list"}},
      {"run tab.yaml", 2, {"tab.yaml:2", "illegal tab"}},
      {"run twice.yaml", 2, {"twice.yaml:2", "input"}},
      {"run run.yaml --set input=missing.h5", 3, {"missing.h5", "no such file"}},
      {"run run.yaml -o nowhere/r.h5", 3, {"nowhere"}},
      {"run run.yaml -o r.jpg", 2, {"r.jpg", ".png"}},
      // Words of a config
      {"run run.yaml --solver tv_pdgh", 2, {"tv_pdgh", "did you mean 'tv_pdhg'?"}},
      {"run run.yaml --set solver=5", 2, {"'5'"}},
      {"run run.yaml --steps 10", 2, {"--steps", "max_iterations"}},
      {"run run.yaml --solver diffpir --steps ten", 2, {"--steps", "'ten'"}},
      {"run run.yaml --solver dps --steps -2", 2, {"--steps", ">= 0"}},
      {"run run.yaml --samples 0", 2, {"--samples", "1"}},
      {"run run.yaml --solver dps --prior brain", 2, {"brain", "brain_mri"}},
      {"run run.yaml --set slover=dps", 2, {"unknown key 'slover'", "did you mean 'solver'?"}},
      {"run run.yaml --set solver", 2, {"KEY.KEY...=VALUE"}},
      {"run run.yaml --items 7-9", 2, {"positions from 0 to", "7-9"}},
      {"run run.yaml --items moon", 2, {"moon", "photograph"}},
      {"run run.yaml --noise-std -1", 2, {"--noise-std", ">= 0"}},
      // Pictures
      {"run " + photo, 2, {"`operator` is missing", "{type: blur, std_px: 2}", "super_resolution", "identity"}},
      {"run " + photo + " --operator blurr", 2, {"blurr", "did you mean 'blur'?"}},
      {"run " + photo + " --operator '{type: blur, sigma: 2}'", 2, {"sigma", "std_px"}},
  };
  EXPECT_GE(mistakes.size(), 40U);
  for (const auto& [arguments, exit_code, words] : mistakes) expect_error(arguments, exit_code, words);
}

}  // namespace
}  // namespace recon
