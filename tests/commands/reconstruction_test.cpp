// simulate, inspect and run through the real program, on small files.
#include "data/hdf5/hdf5_file.h"
#include "data/image_io.h"
#include "data/measurement_file.h"
#include "data/result_file.h"
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

using nlohmann::json;

/// Smooth pictures of 32 x 32 that differ from item to item.
at::Tensor pictures(std::int64_t count) {
  const at::Tensor row = at::linspace(0, 3, 32, at::kFloat).view({1, 1, 32, 1});
  const at::Tensor column = at::linspace(0, 2, 32, at::kFloat).view({1, 1, 1, 32});
  const at::Tensor phase = at::arange(count, at::kFloat).view({count, 1, 1, 1});
  return 0.5 + 0.3 * at::sin(row + phase) * at::cos(column);
}

class Reconstruction : public ProgramTest {
 protected:
  MeasurementSet inpainting(std::int64_t count) const {
    MeasurementSet set;
    set.header.image = {{1, 32, 32}, ScalarKind::real};
    set.header.operator_config = "type: inpainting\nmask: {dataset: mask}\n";
    set.header.operator_arrays["mask"] = (at::arange(32 * 32).view({32, 32}).remainder(3) != 0).to(at::kFloat);
    set.header.noise = {.type = NoiseType::gaussian, .std = {0.05}, .peak = 0};
    set.ground_truth = pictures(count);
    set.y = set.ground_truth * set.header.operator_arrays["mask"];
    return set;
  }
  void write_set(const std::string& name, const MeasurementSet& set) const {
    write_measurement_file(path(name).string(), set);
  }
  static constexpr const char* fast = " --set solver.steps=2 --allow-misfit";  // two steps explain little
};

TEST_F(Reconstruction, SimulateInspectRunWithAndWithoutTruth) {
  write_png(path("a.png").string(), pictures(1)[0], {0, 1});
  std::filesystem::create_directories(path("conf"));
  write("conf/sim.yaml", "images: ../a.png\noperator: {type: blur, std_px: 1}\nnoise: {std: 0.02}\noutput: a.h5\n");
  const Outputs simulated = recon("simulate --force conf/sim.yaml --json");
  ASSERT_EQ(simulated.exit_code, 0) << simulated.err;
  EXPECT_EQ(simulated.json()["items"], json::array({"a"}));
  const Outputs inspected = recon("inspect a.h5 --check --json");
  EXPECT_EQ(inspected.exit_code, 0) << inspected.out;
  EXPECT_EQ(inspected.json()["kind"], "measurement");

  write("conf/run.yaml",
        "input: ../a.h5\nsolver: {type: dps, steps: 2}\nbaselines: [{type: diffpir, steps: 2}]\nsamples: 2\n"
        "output: r.h5\npreview: r.png\n");
  const Outputs run = recon("run --force conf/run.yaml --json --allow-misfit");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json items = run.json()["items"];
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0]["solver"], "diffpir");
  EXPECT_EQ(items[1]["solver"], "dps");
  EXPECT_EQ(items[2]["solver"], "dps_sample");
  EXPECT_EQ(items[1]["nfe_forward"], 4);
  EXPECT_EQ(items[1]["nfe_backward"], 12);
  EXPECT_EQ(items[2]["nfe_backward"], 6);
  for (const char* key : {"psnr", "ssim", "nrmse", "chi2", "seconds", "peak_mib"})
    EXPECT_TRUE(items[1][key].is_number());
  const ResultSet result = read_result_file(path("r.h5").string());
  EXPECT_EQ(result.main.solver, "dps");
  EXPECT_TRUE(result.main.std.defined());
  EXPECT_EQ(result.main.metrics.at("psnr")[0], items[1]["psnr"].get<double>());
  EXPECT_TRUE(contains(result.config, "samples: 2"));
  EXPECT_TRUE(std::filesystem::exists(path("r.png")));
  EXPECT_EQ(recon("inspect r.h5 --json").json()["kind"], "result");

  ASSERT_EQ(recon("simulate --force conf/sim.yaml --set keep_truth=false --set output=b.h5").exit_code, 0);
  const Outputs blind = recon("run --force b.h5 --json --set samples=2 --set output=rb.h5" + std::string(fast));
  ASSERT_EQ(blind.exit_code, 0) << blind.err;
  EXPECT_TRUE(blind.json()["items"][0]["psnr"].is_null());
  EXPECT_TRUE(blind.json()["items"][0]["chi2"].is_number());
  EXPECT_TRUE(at::equal(read_result_file(path("rb.h5").string()).main.std, result.main.std));  // truth is not looked at
}

TEST_F(Reconstruction, OneSeedOneResultWhicheverItemsRun) {
  write_set("m.h5", inpainting(2));
  const auto run = [&](const std::string& more) {
    const Outputs got = recon("run --force m.h5 --set samples=2 --threads 1" + more + fast);
    EXPECT_EQ(got.exit_code, 0) << got.err;
    return read_result_file(path("reconstruction.h5").string()).main;
  };
  const SolverResults both = run("");
  const SolverResults again = run("");
  EXPECT_TRUE(at::equal(both.reconstructions, again.reconstructions));
  EXPECT_TRUE(at::equal(both.std, again.std));
  const SolverResults second = run(" --set items=1");
  EXPECT_TRUE(at::equal(second.reconstructions[0], both.reconstructions[1]));
  EXPECT_FALSE(at::equal(run(" --seed 1").reconstructions, both.reconstructions));
  EXPECT_FALSE(at::equal(both.reconstructions[0], both.reconstructions[1]));
}

TEST_F(Reconstruction, AnySizeAndColourGoThroughTheGreyPrior) {
  MeasurementSet set;
  set.header.image = {{3, 21, 27}, ScalarKind::real};
  set.header.range = {0, 255};
  set.header.operator_config = "type: super_resolution\nfactor: 3\n";
  set.y = at::full({1, 3, 7, 9}, 100.0F);
  write_set("rgb.h5", set);
  const Outputs got = recon("run --force rgb.h5 --json --set preview=p.png" + std::string(fast));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_TRUE(got.json()["items"][0]["chi2"].is_null());  // no noise level, no chi²
  const at::Tensor x = read_result_file(path("reconstruction.h5").string()).main.reconstructions;
  EXPECT_EQ(x.sizes(), at::IntArrayRef({1, 3, 21, 27}));
  EXPECT_EQ(
      recon("run --force rgb.h5 --json --set noise_std=2" + std::string(fast)).json()["items"][0]["chi2"].is_number(),
      true);
}

TEST_F(Reconstruction, ComplexImagesByName) {
  MeasurementSet set;
  set.header.image = {{1, 16, 16}, ScalarKind::complex};
  set.header.operator_config = "type: fourier\nacceleration: 2\n";
  set.header.noise = {.type = NoiseType::gaussian, .std = {0.05}, .peak = 0};
  set.y = at::zeros({1, 1, 16, 16}, at::kComplexFloat);
  set.y.select(2, 8).select(2, 8).fill_(8.0);  // the zero frequency of a uniform image of 0.5
  write_set("k.h5", set);
  expect_error("run k.h5 --set complex_image=none" + std::string(fast), 2,
               {"the image is complex", "two_channels or magnitude"});
  const Outputs chosen = recon("run --force k.h5" + std::string(fast));
  EXPECT_EQ(chosen.exit_code, 0) << chosen.err;
  EXPECT_TRUE(contains(chosen.err, "complex_image phase_from_centre: chi")) << "which one, and why";
  for (const auto& [word, complex] :
       std::vector<std::pair<std::string, bool>>{{"two_channels", true}, {"magnitude", false}}) {
    const Outputs got = recon("run --force k.h5 --set complex_image=" + word + fast);
    ASSERT_EQ(got.exit_code, 0) << got.err;
    EXPECT_EQ(read_result_file(path("reconstruction.h5").string()).main.reconstructions.is_complex(), complex);
  }
}

TEST_F(Reconstruction, BadFilesAreOneErrorEachAndExitCode3) {
  write_set("m.h5", inpainting(1));
  const std::string whole = file_content(path("m.h5"));
  write("truncated.h5", whole.substr(0, whole.size() / 2));
  expect_error("run truncated.h5", 3, {"truncated.h5"});
  expect_error("inspect truncated.h5", 3, {"truncated.h5"});
  {
    auto file = hdf5::File::create(path("text.h5").string());
    file.set_attribute("format", std::string("recon-measurement"));
    file.write_strings("measurements", {"a"});
    file.close();
  }
  expect_error("run text.h5", 3, {"text.h5"});
  {
    auto file = hdf5::File::create(path("other.h5").string());
    file.write("x", at::zeros({3}));
    file.close();
  }
  expect_error("run other.h5", 3, {"other.h5", "format"});
  MeasurementSet wrong = inpainting(1);
  wrong.header.operator_config = "type: inpainting\nmask: {dataset: msk}\n";
  write_set("array.h5", wrong);
  expect_error("run array.h5", 3, {"array.h5", "msk"});
  wrong.header.operator_config = "type: super_resolution\nfactor: 2\n";
  wrong.header.operator_arrays.clear();
  write_set("shape.h5", wrong);
  expect_error("run shape.h5", 3, {"shape.h5:/measurements", "16", "32"});
  expect_error("run m.h5 --set items=nobody", 2, {"nobody"});
  expect_error("run m.h5 --set output=m.h5", 2, {"m.h5", "output"});
  expect_error("run m.h5 --set output=nowhere/r.h5", 3, {"nowhere"});
}

TEST_F(Reconstruction, AnItemWithNanFailsAndTheOthersAreSaved) {
  write_set("m.h5", inpainting(2));
  {
    std::string bytes = file_content(path("m.h5"));
    const at::Tensor y = MeasurementFile::open(path("m.h5").string()).item(1).y.contiguous();
    const std::string row(static_cast<const char*>(y.const_data_ptr()), 64);
    const std::size_t at_byte = bytes.find(row);
    ASSERT_NE(at_byte, std::string::npos);
    bytes.replace(at_byte + 4, 4, std::string("\x00\x00\xc0\x7f", 4));  // a float32 NaN, little-endian
    write("nan.h5", bytes);
  }
  const Outputs got = recon("run --force nan.h5 --json" + std::string(fast));
  EXPECT_EQ(got.exit_code, 1) << got.err;
  ASSERT_EQ(got.json()["items"].size(), 2U);
  EXPECT_NE(got.json()["items"][0]["status"], "failed");
  EXPECT_EQ(got.json()["items"][1]["status"], "failed");
  EXPECT_TRUE(contains(got.json()["items"][1]["error"].get<std::string>(), "NaN"));
  EXPECT_EQ(read_result_file(path("reconstruction.h5").string()).ids, std::vector<std::string>{"0"});
  expect_error("run nan.h5 --force --set items=1 -q" + std::string(fast), 3, {"nan.h5:/measurements", "NaN"});
}

TEST_F(Reconstruction, CtrlCKeepsWhatIsDone) {
  write_set("m.h5", inpainting(3));
  const std::string command = fmt::format(
      "'{}' run m.h5 -v --set solver.steps=100000 2>log.txt & pid=$!; "
      "for i in $(seq 600); do grep -q 'begin item 0' log.txt && break; sleep 0.1; done; sleep 1; "
      "kill -INT $pid; wait $pid",
      test::program());
  const Outputs got = shell(command);
  EXPECT_EQ(got.exit_code, 1) << file_content(path("log.txt"));
  const ResultSet result = read_result_file(path("reconstruction.h5").string());
  EXPECT_EQ(result.ids, std::vector<std::string>{"0"});
  EXPECT_EQ(result.main.status, std::vector<std::string>{"stopped_early"});
  EXPECT_TRUE(contains(file_content(path("log.txt")), "stopping after this step"));
}

TEST_F(Reconstruction, ProgressIsPlainLinesWithoutATerminalAndQuietIsSilent) {
  write_set("m.h5", inpainting(1));
  const Outputs quiet = recon("run --force m.h5 -q" + std::string(fast));
  EXPECT_EQ(quiet.err, "");
  EXPECT_TRUE(contains(quiet.out, "PSNR/dB"));
  EXPECT_FALSE(contains(recon("run --force m.h5" + std::string(fast)).err, "\r"));
}

TEST_F(Reconstruction, TakesAPhantomThatItSimulates) {
  write("run.yaml",
        "input: {simulate: {images: 'phantom:shepp_logan:32', operator: {type: identity}, noise: {std: 0.05}}}\n"
        "solver: {type: tv_pdhg, max_iterations: 20}\noutput: out.h5\n");
  const Outputs got = recon("run run.yaml -q");
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_FALSE(read_result_file(path("out.h5").string()).input_hash.empty());
}

}  // namespace
}  // namespace recon
