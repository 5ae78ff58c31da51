// Data that are held out: by a word of run, and to rank operators and priors in compare.
#include "data/image_io.h"
#include "data/result_file.h"
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

using nlohmann::json;

/// A checked picture with sharp edges, which no narrower or wider blur explains.
at::Tensor checks() {
  const at::Tensor cell = at::arange(32, at::kFloat).div(5, "floor").remainder(2);
  return (0.2 + 0.6 * (cell.view({1, 32, 1}) - cell.view({1, 1, 32})).abs());
}

class HeldOutData : public ProgramTest {
 protected:
  void measure(const std::string& op, const std::string& output) const {
    write_png(path("checks.png").string(), checks(), {0, 1});
    write("sim.yaml",
          "images: checks.png\noperator: " + op + "\nnoise: {std: 0.02}\nkeep_truth: false\noutput: " + output);
    const Outputs made = recon("simulate sim.yaml --force");
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
};

TEST_F(HeldOutData, CheckJudgesAnImageWithoutTruth) {
  measure("{type: inpainting, missing_fraction: 0.4}", "m.h5");
  const std::string run = "run m.h5 --solver tv_pdhg --threads 1 --json -o ";
  const Outputs plain = recon(run + "plain.h5"), checked = recon(run + "checked.h5 --check");
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  ASSERT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_TRUE(plain.json()["items"][0]["held_out_score"].is_null());
  const json item = checked.json()["items"][0];
  EXPECT_TRUE(item["psnr"].is_null());
  for (const char* key : {"held_out_score", "held_out_crps", "held_out_coverage", "held_out_chi2"}) {
    EXPECT_TRUE(item[key].is_number()) << key;
  }
  const ResultSet stored = read_result_file(path("checked.h5").string());
  EXPECT_EQ(stored.main.metrics.at("held_out_score").front(), item["held_out_score"].get<double>());
  EXPECT_TRUE(contains(stored.config, "hold_out: 0.2"));
  expect_error(
      "run m.h5 --solver tv_pdhg --set noise_std=0 --check -o x.h5 --set 'input={files: m.h5, operator: {type: "
      "identity}}'",
      2, {"hold_out", "without a noise level"});
}

// The blur that the data have wins over one that is far off, by what neither has seen.
TEST_F(HeldOutData, TheOperatorThatMeasuredTheDataIsRankedFirst) {
  measure("{type: blur, std_px: 1.2}", "m.h5");
  write("which.yaml",
        "tasks:\n"
        "  - {name: stated, input: m.h5, hold_out: 0.5}\n"
        "  - {name: mirrored, input: {files: m.h5, operator: {type: blur, std_px: 4}}, hold_out: 0.5}\n"
        "solvers: [{type: tv_pdhg}]\noutput: which\n");
  const Outputs got = recon("compare which.yaml --threads 1 --json --allow-misfit");
  ASSERT_EQ(got.exit_code, 0) << got.err << got.out;
  const json ranking = got.json()["held_out_ranking"];
  ASSERT_EQ(ranking.size(), 1U) << got.out;
  EXPECT_EQ(ranking[0]["candidates"][0]["task"], "stated");
  EXPECT_GT(ranking[0]["candidates"][1]["behind"], 0.001);
  EXPECT_TRUE(contains(got.err, "in place of the file's operator"));
  EXPECT_TRUE(contains(file_content(path("which/report.html")), "by the data that were held out"));
}

TEST_F(HeldOutData, EverySolverMayHaveAPriorOfItsOwn) {
  measure("{type: inpainting, missing_fraction: 0.4}", "m.h5");
  write("which.yaml",
        "input: m.h5\nhold_out: 0.2\nsolvers:\n  - {type: dps, steps: 2, solves: 0}\n"
        "  - {type: dps, steps: 2, solves: 0, prior: brain_mri}\noutput: which\n");
  const Outputs got = recon("compare which.yaml --threads 1 --json --allow-misfit");
  ASSERT_EQ(got.exit_code, 0) << got.err << got.out;
  const json candidates = got.json()["held_out_ranking"][0]["candidates"];
  ASSERT_EQ(candidates.size(), 2U);
  EXPECT_NE(candidates[0]["score"], candidates[1]["score"]);
  const std::string report = file_content(path("which/report.html"));
  EXPECT_TRUE(contains(report, "natural_gray"));
  EXPECT_TRUE(contains(report, "dps_brain_mri"));
}

}  // namespace
}  // namespace recon
