// recon compare through the real program, on small files.
#include "data/image_io.h"
#include "data/measurement_file.h"
#include "tests/commands/program.h"

namespace recon {
namespace {

using nlohmann::json;

class Compare : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    const at::Tensor row = at::linspace(0, 3, 32, at::kFloat).view({1, 32, 1});
    const at::Tensor column = at::linspace(0, 2, 32, at::kFloat).view({1, 1, 32});
    const at::Tensor picture = 0.5 + 0.3 * at::sin(row) * at::cos(column);
    write_png(path("a.png").string(), picture, {0, 1});
    write_png(path("b.png").string(), 1 - picture, {0, 1});
  }
  /// Two tasks on two pictures; `more` ends the first one's simulate section.
  std::string config(const std::string& more = "") const {
    return "tasks:\n"
           "  - {name: blur, simulate: {images: [a.png, b.png], operator: {type: blur, std_px: 1}, noise: {std: 0.02}" +
           more +
           "}}\n"
           "  - {name: fourier, simulate: {images: a.png, operator: {type: fourier}, noise: {std: 0.02}" +
           more +
           "}}\n"
           "solvers:\n"
           "  - {type: tv_pdhg, max_iterations: 20}\n"
           "  - {type: dps, name: sampler, steps: 3, samples: 2}\n"
           "output: out\n";
  }
  json compared(const std::string& arguments, int exit_code = 0) const {
    const Outputs got = recon("compare --force c.yaml --json -q --threads 1 --allow-misfit " + arguments);
    EXPECT_EQ(got.exit_code, exit_code) << got.err;
    return got.json();
  }
  static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  }
};

TEST_F(Compare, RowsSummaryAndFiles) {
  write("c.yaml", config());
  const json got = compared("");
  ASSERT_EQ(got["rows"].size(), 9U);  // three items, each: tv_pdhg, sampler, sampler_sample
  const json& row = got["rows"][1];
  EXPECT_EQ(row["task"], "blur");
  EXPECT_EQ(row["item"], "a");
  EXPECT_EQ(row["solver"], "sampler");
  EXPECT_EQ(row["nfe_forward"], 6);
  EXPECT_EQ(row["nfe_backward"], 18);
  for (const char* key : {"psnr", "ssim", "nrmse", "chi2", "seconds", "peak_mib"}) {
    EXPECT_TRUE(row[key].is_number()) << key;
  }
  ASSERT_EQ(got["summary"].size(), 6U);
  const double a = got["rows"][0]["psnr"], b = got["rows"][3]["psnr"];
  EXPECT_NEAR(got["summary"][0]["psnr"]["mean"].get<double>(), (a + b) / 2, 1e-12 * std::abs(a));
  EXPECT_NEAR(got["summary"][0]["psnr"]["std"].get<double>(), std::abs(a - b) / std::sqrt(2.0), 1e-12 * std::abs(a));
  EXPECT_TRUE(got["summary"][3]["psnr"]["std"].is_null());  // one item has no spread
  EXPECT_EQ(json::parse(file_content(path("out/results.json")))["rows"], got["rows"]);
  const std::string csv = file_content(path("out/results.csv"));
  EXPECT_EQ(count(csv, "\r\n"), 10U);
  EXPECT_TRUE(contains(csv, "task,item,solver,psnr,ssim,nrmse,chi2,"));
}

TEST_F(Compare, TheReportIsOneFileThatNeedsNothingElse) {
  write("c.yaml", config());
  compared("--set title='<Blur & more>'");
  std::string html = file_content(path("out/report.html"));
  EXPECT_TRUE(contains(html, "&lt;Blur &amp; more&gt;"));
  EXPECT_TRUE(contains(html, "default-src 'none'"));
  EXPECT_TRUE(contains(html, "std of 2 samples"));
  EXPECT_TRUE(contains(html, "nat per pixel"));
  EXPECT_TRUE(contains(html, "max_iterations: 20"));  // the resolved config
  EXPECT_EQ(count(html, "<svg "), 4U);                // convergence and calibration per task
  // Every picture is inline. The only address is the name of SVG's namespace, which is not fetched.
  EXPECT_EQ(count(html, "<img tabindex"), count(html, "src=\"data:image/webp;base64,"));
  for (const char* outside : {"<link", "@import", "url(", "href=\"http", "src=\"http"}) {
    EXPECT_EQ(count(html, outside), 0U) << outside;
  }
  EXPECT_EQ(count(html, "://"), count(html, "http://www.w3.org/2000/svg"));
}

TEST_F(Compare, WithoutTruthNothingIsEmpty) {
  write("c.yaml", config(", keep_truth: false"));
  const json got = compared("");
  EXPECT_TRUE(got["rows"][1]["psnr"].is_null());
  EXPECT_TRUE(got["rows"][1]["chi2"].is_number());
  EXPECT_TRUE(contains(file_content(path("out/results.csv")), "task,item,solver,chi2,"));
  const std::string html = file_content(path("out/report.html"));
  for (const char* word : {"PSNR", "SSIM", "truth<", "error, 0"}) EXPECT_EQ(count(html, word), 0U) << word;
  EXPECT_FALSE(contains(recon("compare --force c.yaml -q --threads 1").out, "PSNR"));
}

TEST_F(Compare, ASolverThatCannotIsARowAndTheOthersGoOn) {
  write(
      "c.yaml",
      "tasks: [{name: t, simulate: {images: a.png, operator: {type: fourier, acceleration: 4}, noise: {std: 0.02}}}]\n"
      "solvers: [{type: diffpir, steps: 2, name: bad}, {type: adjoint}]\nprior: natural_gray\noutput: out\n"
      "complex: 1\n");
  expect_error("compare c.yaml", 2, {"c.yaml:5", "unknown key 'complex'"});
  // A step so long that the iterate overflows.
  write("c.yaml",
        "tasks: [{name: t, simulate: {images: a.png, operator: {type: blur}, noise: {std: 0.02}}}]\n"
        "solvers: [{type: dps, guidance: constant, norm: squared, step_size: 1e30, steps: 4, name: bad},\n"
        "          {type: adjoint}]\noutput: out\n");
  const json got = compared("", 1);
  ASSERT_EQ(got["rows"].size(), 2U);
  EXPECT_EQ(got["rows"][0]["status"], "diverged");
  EXPECT_NE(got["rows"][0]["error"], "");
  EXPECT_EQ(got["rows"][1]["status"], "finished");
  EXPECT_EQ(got["summary"][0]["failed"], 1);
  EXPECT_TRUE(got["summary"][0]["psnr"]["mean"].is_null());  // what diverged is not averaged
  // Complex images and a real prior: the prior's solver says why, the adjoint does its work.
  MeasurementSet set;
  set.header.image = {{1, 16, 16}, ScalarKind::complex};
  set.header.operator_config = "type: fourier\nacceleration: 2\n";
  set.header.noise = {.type = NoiseType::gaussian, .std = {0.05}, .peak = 0};
  set.y = at::ones({1, 1, 16, 16}, at::kComplexFloat);
  write_measurement_file(path("k.h5").string(), set);
  write("c.yaml",
        "input: k.h5\ncomplex_image: none\nsolvers: [{type: diffpir, steps: 2}, {type: adjoint}]\noutput: out\n");
  const json complex = compared("", 1);
  EXPECT_EQ(complex["rows"][0]["status"], "failed");
  EXPECT_TRUE(contains(complex["rows"][0]["error"].get<std::string>(), "the image is complex"));
  EXPECT_TRUE(contains(file_content(path("out/report.html")), "the image is complex"));
  EXPECT_EQ(complex["rows"][1]["status"], "finished");
}

TEST_F(Compare, TheSeedIsThatOfEverySimulation) {
  const std::string simulate = "simulate: {images: a.png, operator: {type: blur}, noise: {std: 0.1}}";
  for (const std::string& task : {simulate, "input: {" + simulate + "}"}) {
    write("c.yaml", "tasks: [{name: t, " + task + "}]\nsolvers: [{type: adjoint}]\noutput: out\n");
    const json one = compared("--seed 1"), same = compared("--seed 1"), other = compared("--seed 2");
    EXPECT_EQ(one["rows"][0]["psnr"], same["rows"][0]["psnr"]) << task;
    EXPECT_NE(one["rows"][0]["psnr"], other["rows"][0]["psnr"]) << task;
  }
}

TEST_F(Compare, NoUseForAnOperatorIsARowAndNoFailure) {
  write("c.yaml",
        "tasks: [{name: t, simulate: {images: a.png, operator: {type: inpainting}, noise: {std: 0.02}}}]\n"
        "solvers: [{type: wiener}, {type: adjoint}]\noutput: out\n");
  const json got = compared("");
  EXPECT_EQ(got["rows"][0]["status"], "not_applicable");
  EXPECT_TRUE(contains(got["rows"][0]["error"].get<std::string>(), "needs Fourier eigenvectors"));
  EXPECT_EQ(got["summary"][0]["failed"], 0);
  EXPECT_EQ(got["summary"][0]["not_applicable"], 1);
  EXPECT_TRUE(contains(file_content(path("out/report.html")), "1 not applicable: "));
  compared("--set 'solvers=[{type: wiener}]'", 1);  // nothing was reconstructed
}

TEST_F(Compare, AnOracleUsesTheTruthAndSaysSo) {
  write("c.yaml",
        "tasks: [{name: t, simulate: {images: a.png, operator: {type: blur}, noise: {std: 0.1}}}]\n"
        "solvers: [{type: tikhonov_cg}, {type: tikhonov_cg, oracle: weight}]\noutput: out\n");
  const json got = compared("");
  const json &plain = got["rows"][0], &oracle = got["rows"][1];
  EXPECT_EQ(oracle["solver"], "tikhonov_cg_oracle");
  EXPECT_TRUE(contains(oracle["note"].get<std::string>(), "by the ground truth"));
  EXPECT_FALSE(plain.contains("note"));
  EXPECT_GT(oracle["psnr"].get<double>(), plain["psnr"].get<double>());  // chi² = 1 is not what PSNR likes best
  EXPECT_TRUE(contains(file_content(path("out/report.html")), "by the ground truth"));
  EXPECT_TRUE(contains(file_content(path("out/results.csv")), "by the ground truth"));
  expect_error("compare c.yaml --set 'solvers=[{type: tikhonov_cg, oracle: wait}]'", 2, {"real number", "'wait'"});
  const json blind = compared("--set tasks.0.simulate.keep_truth=false", 1);
  EXPECT_TRUE(contains(blind["rows"][1]["error"].get<std::string>(), "has none"));
}

/// What auto takes is settled for each task, and said in its rows.
TEST_F(Compare, AutoIsASolverAmongOthers) {
  write("c.yaml",
        "tasks:\n"
        "  - {name: blur, simulate: {images: a.png, operator: {type: blur}, noise: {std: 0.1}}}\n"
        "  - {name: fourier, simulate: {images: a.png, operator: {type: fourier}, noise: {std: 0.1}}}\n"
        "solvers: [{type: auto}, {type: auto, name: drawn, samples: 2}, {type: tv_pdhg}]\noutput: out\n");
  const json rows = compared("--set tasks.1.simulate.images=b.png")["rows"];
  const auto note_of = [&](const char* task, const char* solver) -> std::string {
    for (const auto& row : rows) {
      if (row["task"] == task && row["solver"] == solver) return row.value("note", "");
    }
    return "no such row";
  };
  EXPECT_TRUE(contains(note_of("blur", "auto"), "plug_and_play: ")) << rows;
  EXPECT_TRUE(contains(note_of("fourier", "auto"), "plug_and_play: ")) << rows;
  EXPECT_TRUE(contains(note_of("blur", "drawn"), "dps: "));
  EXPECT_EQ(note_of("blur", "tv_pdhg"), "");
  expect_error("compare c.yaml --set 'solvers=[{type: auto, steps: 3}]'", 2, {"`auto` takes no options", "steps"});
  expect_error("compare c.yaml --set 'solvers=[{type: auto, oracle: weight}]'", 2, {"`auto` takes no options"});
}

TEST_F(Compare, ABudgetSetsTheSteps) {
  write("c.yaml",
        "tasks: [{name: t, simulate: {images: a.png, operator: {type: blur}, noise: {std: 0.02}}}]\n"
        "solvers: [{type: dps, steps: 50}, {type: diffpir, steps: 2}, {type: tv_pdhg, max_iterations: 5}]\n"
        "budget: {nfe: 12}\noutput: out\n");
  const json got = compared("");
  EXPECT_EQ(got["rows"][0]["nfe_forward"].get<int>() + got["rows"][0]["nfe_backward"].get<int>(), 12);
  EXPECT_EQ(got["rows"][1]["nfe_forward"], 12);
  EXPECT_EQ(got["budget"][0]["steps"], 3);
  EXPECT_TRUE(got["budget"][2]["steps"].is_null());
  EXPECT_TRUE(contains(got["budget"][2]["note"].get<std::string>(), "stopping rule"));
  expect_error("compare c.yaml --set budget.seconds=1", 2, {"budget", "not both"});
}

TEST_F(Compare, WrongConfigsNameTheirPlace) {
  write("c.yaml", "solvers: [{type: adjoint}]\n");
  expect_error("compare c.yaml", 2, {"`tasks` or `input` is missing"});
  write("c.yaml", "input: a.h5\n");
  expect_error("compare c.yaml", 2, {"`solvers` is missing"});
  write("c.yaml", "input: a.h5\ntasks: [{input: b.h5}]\nsolvers: [{type: adjoint}]\n");
  expect_error("compare c.yaml", 2, {"c.yaml:1", "belongs to each"});
  write("c.yaml", "tasks: [{name: x}]\nsolvers: [{type: adjoint}]\n");
  expect_error("compare c.yaml", 2, {"either `input`"});
  write("c.yaml", "input: nowhere.h5\nsolvers: [{type: adjoint}]\n");
  expect_error("compare c.yaml -q", 3, {"nowhere.h5"});
  write("c.yaml", config(", output: m.h5"));
  expect_error("compare c.yaml", 2, {"stay in memory"});
}

TEST_F(Compare, AWrongOperatorIsSaidBeforeAnythingIsSolved) {
  std::string last_is_wrong = config();
  last_is_wrong.replace(last_is_wrong.find("type: fourier"), 13, "type: fourier, patern: radial");
  write("c.yaml", last_is_wrong);
  expect_error("compare c.yaml -q", 2, {"patern", "operator"});
  EXPECT_FALSE(std::filesystem::exists(path("out/results.json")));
}

TEST_F(Compare, WhatIsDoneIsKeptWhenALaterTaskIsWrong) {
  std::string no_such_item = config();
  no_such_item.replace(no_such_item.find("name: fourier"), 13, "name: fourier, items: [nobody]");
  write("c.yaml", no_such_item);
  expect_error("compare c.yaml -q --allow-misfit", 2, {"nobody"});
  EXPECT_EQ(json::parse(file_content(path("out/results.json")))["rows"].size(), 6U);
}

}  // namespace
}  // namespace recon
