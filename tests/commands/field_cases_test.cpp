// What users of the field brought (tests/golden/field_cases/README.md): each file gives its right value.
#include "data/hdf5/hdf5_file.h"
#include "data/measurement_file.h"
#include "data/result_file.h"
#include "recon/core/rng.h"
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

using nlohmann::json;

class FieldCases : public ProgramTest {
 protected:
  static std::string file(const std::string& name) { return test::source_path("tests/golden/field_cases/" + name); }
  Outputs run(const std::string& name, const std::string& solver, const std::string& more = "") const {
    return recon(fmt::format("run --force '{}' --set 'solver={{type: {}}}' --json {}", file(name), solver, more));
  }
  static json item(const Outputs& got) { return got.json()["items"][0]; }
  at::Tensor image() const { return read_result_file(path("reconstruction.h5").string()).main.reconstructions; }
};

TEST_F(FieldCases, MaskedNanAndFillValuesAreNoData) {
  for (const char* solver : {"tv_pdhg", "tikhonov_cg", "wavelet_fista", "lsqr"}) {
    const Outputs nan = run("mask_gap_nan.h5", solver);
    ASSERT_EQ(nan.exit_code, 0) << solver << nan.err;
    const at::Tensor of_nan = image();
    const Outputs fill = run("mask_gap_sentinel_65535.h5", solver);
    ASSERT_EQ(fill.exit_code, 0) << solver << fill.err;
    EXPECT_TRUE(at::equal(of_nan, image())) << solver;
    EXPECT_NEAR(item(fill)["chi2"].get<double>(), 1, 0.05) << solver;
  }
  EXPECT_GT(item(run("mask_gap_sentinel_65535.h5", "tv_pdhg"))["psnr"].get<double>(), 26);
  const Outputs dps = run("mask_gap_sentinel_65535.h5", "dps, steps: 30");
  EXPECT_EQ(dps.exit_code, 0) << dps.err;
  EXPECT_GT(item(dps)["psnr"].get<double>(), 22) << dps.out;
  EXPECT_EQ(recon("inspect '" + file("mask_gap_nan.h5") + "' --check").exit_code, 0);
}

TEST_F(FieldCases, MaskTheWrongWayRoundIsNamed) {
  const std::string shown = file("mask_inverted.h5");
  expect_error("run '" + shown + "' --set 'solver={type: tv_pdhg}'", 3, {"mask_inverted.h5", "the wrong way round"});
  expect_error("inspect '" + shown + "' --check", 3, {"the wrong way round"});
}

TEST_F(FieldCases, CountsThatAreFewGiveAnImage) {
  const Outputs got = run("poisson_few_counts.h5", "richardson_lucy");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_GT(item(got)["psnr"].get<double>(), 29.5) << got.out;  // scikit-image: 29.9 after 30 iterations, 30.1 at best
  EXPECT_EQ(item(got)["status"], "converged");
  const Outputs tv = run("poisson_few_counts.h5", "tv_pdhg");
  ASSERT_EQ(tv.exit_code, 0) << tv.err;
  EXPECT_GT(item(tv)["psnr"].get<double>(), 29) << tv.out;  // an image of nothing has 24.4
  // An image of nothing does not explain the data, and is not exit code 0.
  const Outputs blank = run("poisson_few_counts.h5", "tikhonov_cg, weight: 1e9, penalty: identity");
  EXPECT_EQ(blank.exit_code, 1);
  EXPECT_GT(item(blank)["chi2"].get<double>(), 10) << blank.out;
  EXPECT_EQ(item(blank)["status"], "misfit");
  EXPECT_TRUE(contains(blank.err, "chi²"));
  EXPECT_EQ(run("poisson_few_counts.h5", "tikhonov_cg, weight: 1e9, penalty: identity", "--allow-misfit").exit_code, 0);
}

TEST_F(FieldCases, KernelIsKeptAsItIsAndThatIsSaidOnce) {
  const Outputs got = run("kernel_sum_half.h5", "tv_pdhg");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_GT(item(got)["psnr"].get<double>(), 20) << got.out;  // 10.7 at half of the brightness
  const std::size_t said = got.err.find("sum to 0.5");
  EXPECT_NE(said, std::string::npos) << got.err;
  EXPECT_EQ(got.err.find("sum to 0.5", said + 1), std::string::npos) << got.err;
}

TEST_F(FieldCases, NoiseFreeHolesAreFilled) {
  for (const char* solver : {"tikhonov_cg", "tv_admm", "tv_pdhg", "wavelet_fista"}) {
    const Outputs got = run("noise_free_inpainting.h5", solver);
    ASSERT_EQ(got.exit_code, 0) << solver << got.err;
    EXPECT_GT(item(got)["psnr"].get<double>(), 23) << solver << got.out;  // 7.0 with black holes
    EXPECT_FALSE(contains(got.err, "black")) << solver;
  }
  // The same at a noise level far below what single precision resolves.
  for (const char* solver : {"tikhonov_cg", "tv_admm", "wavelet_fista"}) {
    const Outputs got = run("noise_free_inpainting.h5", solver, "--set noise_std=1e-6");
    // Right, or refused: TV by ADMM does not get to a residual of 1e-6 in single precision.
    EXPECT_EQ(got.exit_code, item(got)["status"] == "misfit" ? 1 : 0) << solver << got.err;
    EXPECT_EQ(item(got)["status"] == "misfit", item(got)["chi2"].get<double>() > 5) << solver << got.out;
    EXPECT_GT(item(got)["psnr"].get<double>(), 23) << solver << got.out;
  }
  for (const char* solver : {"wiener, spectrum: flat", "tikhonov_cg, penalty: identity", "lsqr"}) {
    const Outputs got = run("noise_free_inpainting.h5", solver);
    EXPECT_TRUE(contains(got.err, "not measured are black: this solver does not fill them")) << solver << got.err;
  }
}

TEST_F(FieldCases, PaddingIsNotDataForTheNoiseLevel) {
  const std::string input = "--set 'input={files: " + file("fastmri_zero_padded.h5") + ", format: fastmri}'";
  write("run.yaml", "solver: {type: tv_pdhg}\ncomplex_image: two_channels\nestimate_noise: true\n");
  const Outputs got = recon("run --force run.yaml --json " + input);
  EXPECT_TRUE(contains(got.err, "22 of 72 columns are exactly zero")) << got.err;
  EXPECT_TRUE(contains(got.err, "noise level 0.0139 ± 5 %")) << got.err;  // 1e-6 in the file, whose scale is 10000
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_NEAR(item(got)["chi2"].get<double>(), 1, 0.02) << got.out;
}

TEST_F(FieldCases, MaskIsFoundFromTheZeros) {
  const std::string input =
      "--set 'input={files: " + file("fastmri_undersampled_without_mask.h5") + ", format: fastmri}'";
  write("run.yaml", "solver: {type: tv_pdhg}\ncomplex_image: two_channels\nestimate_noise: true\n");
  const Outputs got = recon("run --force run.yaml --json " + input);
  EXPECT_TRUE(contains(got.err, "columns are exactly zero, and there is no mask: taken as not measured")) << got.err;
  EXPECT_EQ(got.exit_code, 0) << got.err;
}

// A point in two hundred pixels shines, with three to seven photons in its brightest pixel: whoever says converged has
// found the light, and chi² is that of the truth.
TEST_F(FieldCases, PointsOfAFewPhotonsOnNothingAreFound) {
  at::Tensor scene = at::zeros({1, 1, 64, 64});
  const at::Tensor u = Rng(3, "points").uniform({{0, 0}}, 0, {{3, 20}, ScalarKind::real})[0];
  for (std::int64_t i = 0; i < u.size(1); ++i) {
    const auto row = static_cast<std::int64_t>(60 * u[0][i].item<double>()) + 2;
    scene[0][0][row][static_cast<std::int64_t>(60 * u[1][i].item<double>()) + 2] = 0.3 + 0.7 * u[2][i].item<double>();
  }
  hdf5::File file = hdf5::File::create(path("scene.h5").string());
  file.write("x", scene);
  file.close();
  write("sim.yaml",
        "images: scene.h5:/x\noperator: {type: blur, std_px: 1}\nnoise: {type: poisson, peak: 40}\n"
        "output: m.h5\n");
  ASSERT_EQ(recon("simulate sim.yaml").exit_code, 0);
  const double counted = MeasurementFile::open(path("m.h5").string()).item(0).y.sum().item<double>();
  for (const std::string solver :
       {"tv_pdhg", "tikhonov_cg", "wavelet_fista", "richardson_lucy", "tv_admm", "diffpir"}) {
    const Outputs got = recon("run --force m.h5 --json -o r.h5 --solver " + solver);
    EXPECT_EQ(got.exit_code, 0) << solver << got.err;
    EXPECT_NEAR(item(got)["chi2"].get<double>(), 0.9, 0.4) << solver;
    const at::Tensor x = read_result_file(path("r.h5").string()).main.reconstructions;
    EXPECT_NEAR(x.sum().item<double>() / counted, 1, 0.2) << solver;
    EXPECT_GT(item(got)["psnr"].get<double>(), 26) << solver;
  }
}

// A stated background is not in the image, as a number and as an array; the file carries it.
TEST_F(FieldCases, CountsMayHaveABackground) {
  MeasurementSet truth;
  write("sim.yaml",
        "images: ['phantom:shepp_logan:48']\noperator: {type: blur, std_px: 1.2, boundary: reflect}\n"
        "noise: {type: poisson, peak: 500, background: 0.4}\noutput: m.h5\n");
  ASSERT_EQ(recon("simulate --force sim.yaml").exit_code, 0);
  EXPECT_EQ(hdf5::File::open(path("m.h5").string()).group("noise").number_attribute("background"), 0.4);
  EXPECT_EQ(recon("inspect m.h5 --check").exit_code, 0);
  for (const char* solver : {"richardson_lucy", "tv_pdhg", "tikhonov_cg"}) {
    const Outputs got = recon(fmt::format("run --force m.h5 --json --set 'solver={{type: {}}}'", solver));
    ASSERT_EQ(got.exit_code, 0) << solver << got.err;
    EXPECT_GT(item(got)["psnr"].get<double>(), 20) << solver << got.out;
  }
}

// What is measured of a scene is a window of it: the result shows the window, and figures are of it.
TEST_F(FieldCases, TheMarginOfAnUnknownBorderIsCut) {
  for (const std::string blur :
       {"{type: blur, shape: disk, radius_px: 3, boundary: unknown}",
        "{type: varying_blur, patches: [2, 2], std_px: 0.7, corner_std_px: 1, boundary: unknown}"}) {
    write("sim.yaml", "images: ['phantom:shepp_logan:64']\noperator: " + blur + "\nnoise: {std: 0.01}\noutput: m.h5\n");
    ASSERT_EQ(recon("simulate --force sim.yaml").exit_code, 0);
    const MeasurementItem measured = MeasurementFile::open(path("m.h5").string()).item(0);
    for (const std::string solver : {"tv_pdhg", "dps, steps: 2"}) {
      const Outputs got =
          recon("run --force m.h5 --json --allow-misfit --set samples=2 --set keep_samples=true --set 'solver={type: " +
                solver + "}'");
      ASSERT_EQ(got.exit_code, 0) << got.err;
      const SolverResults results = read_result_file(path("reconstruction.h5").string()).main;
      EXPECT_EQ(results.reconstructions[0].sizes(), measured.y.sizes());
      if (solver != "tv_pdhg") {
        EXPECT_EQ(results.std[0].sizes(), measured.y.sizes());
      }
      const std::int64_t margin = (64 - measured.y.size(1)) / 2;
      const at::Tensor truth =
          measured.ground_truth.narrow(1, margin, measured.y.size(1)).narrow(2, margin, measured.y.size(2));
      const double error = (results.reconstructions[0] - truth).square().mean().item<double>();
      EXPECT_NEAR(item(got)["psnr"].get<double>(), -10 * std::log10(error), 1e-3) << blur;
    }
    write("compare.yaml", "input: m.h5\nsolvers: [{type: tv_pdhg}, {type: lsqr}]\noutput: out\n");
    EXPECT_EQ(recon("compare --force compare.yaml --allow-misfit").exit_code, 0);
    write("batch.yaml",
          "input: m.h5\nsolver: {type: tv_pdhg}\noutput: {path: b" + std::to_string(measured.y.size(1)) + ".h5}\n");
    EXPECT_EQ(recon("batch batch.yaml --allow-misfit").exit_code, 0);
    EXPECT_EQ(read_result_file(path("b" + std::to_string(measured.y.size(1)) + ".h5").string())
                  .main.reconstructions[0]
                  .sizes(),
              measured.y.sizes());
  }
}

// The same in compare and batch: far-off results are counted, and no exit code 0 unless they are allowed.
TEST_F(FieldCases, MisfitsAreCountedByCompareAndBatch) {
  const std::string input = file("poisson_few_counts.h5");
  const std::string blank = "{type: tikhonov_cg, weight: 1e9, penalty: identity}";
  write("compare.yaml",
        fmt::format("input: {}\nsolvers: [{{type: richardson_lucy}}, {}]\noutput: out\n", input, blank));
  const Outputs compared = recon("compare --force compare.yaml --json");
  EXPECT_EQ(compared.exit_code, 1) << compared.err;
  EXPECT_EQ(compared.json()["rows"][0]["status"], "converged");
  EXPECT_EQ(compared.json()["rows"][1]["status"], "misfit");
  EXPECT_EQ(recon("compare --force compare.yaml --allow-misfit").exit_code, 0);

  write("batch.yaml", fmt::format("input: {}\nsolver: {}\noutput: {{path: b.h5}}\n", input, blank));
  const Outputs batched = recon("batch batch.yaml");
  EXPECT_EQ(batched.exit_code, 1) << batched.err;
  EXPECT_TRUE(contains(batched.err, "chi²")) << batched.err;
  EXPECT_EQ(read_result_file(path("b.h5").string()).main.status, std::vector<std::string>{"misfit"});
  EXPECT_EQ(recon("batch batch.yaml --allow-misfit").exit_code, 0);  // done already: the file says it
  EXPECT_EQ(recon("batch batch.yaml").exit_code, 1);
}

}  // namespace
}  // namespace recon
