// Inputs of the kinds that users bring, through the real program (tests/golden/field_cases/files.md).
#include <ATen/ATen.h>

#include "data/fits_file.h"
#include "data/npy_file.h"
#include "data/result_file.h"
#include "recon/core/rng.h"
#include "tests/commands/program.h"

namespace recon {
namespace {

using nlohmann::json;

class FieldFiles : public ProgramTest {
 protected:
  static std::string field(const std::string& name) { return test::source_path("tests/golden/field_cases/" + name); }

  /// The row of filtered back-projection.
  json fbp(const std::string& name, const std::string& more = "") const {
    const Outputs got = recon(
        fmt::format("run --force '{}' --json -q --set 'solver={{type: fbp{}}}' --set output=out", field(name), more));
    EXPECT_EQ(got.exit_code, 0) << got.err;
    return got.json();
  }
};

double psnr_in(const json& result) {
  const std::string text = result.dump();
  const std::size_t at = text.find("\"psnr\":");
  EXPECT_NE(at, std::string::npos) << text;
  return at == std::string::npos ? 0 : std::stod(text.substr(at + 7));
}

// 12.0 dB where all views count alike. A NumPy model of the same formulas gives 25.96 dB, and 21.98 dB with hann.
TEST_F(FieldFiles, UnevenViewsAreWeightedByTheirGap) {
  EXPECT_NEAR(psnr_in(fbp("ct_list_uneven.h5")), 25.96, 0.1);
  EXPECT_NEAR(psnr_in(fbp("ct_list_uneven.h5", ", window: hann")), 21.98, 0.05);
}

TEST_F(FieldFiles, ARangeAndAListOfViewsAreOneScan) {
  const json range = fbp("ct_range90.h5");
  std::filesystem::rename(path("out"), path("first"));
  EXPECT_NEAR(psnr_in(range), psnr_in(fbp("ct_list90.h5")), 0.05);
}

// Counts of a camera, far from 1: the prior sees them as 1, the astronomer gets counts.
TEST_F(FieldFiles, AFrameOfATelescopeKeepsItsUnits) {
  const at::Tensor counts = 4000 * at::exp(-(at::arange(32) - 16).square().view({-1, 1}) / 50.0) *
                            at::exp(-(at::arange(32) - 12).square() / 30.0);
  for (const std::string name : {"faint", "bright"}) {
    write_fits(path(name + ".fits").string(), name == "faint" ? counts : 3 * counts);
  }
  write("run.yaml",
        "input: {files: bright.fits, format: fits, operator: {type: identity}}\nnoise_std: 10\n"
        "solver: {type: tv_pdhg}\n");
  ASSERT_EQ(recon("run run.yaml -q -o r.h5").exit_code, 0);
  ASSERT_EQ(recon("run run.yaml -q -o r.fits").exit_code, 0);
  ASSERT_EQ(recon("export r.h5 -o e.npy").exit_code, 0);
  const ResultSet set = read_result_file(path("r.h5").string());
  ASSERT_EQ(set.scale.size(), 1U);
  EXPECT_NEAR(set.main.reconstructions.max().item<double>(), 1, 0.05);
  const at::Tensor image = read_fits_image(path("r.fits").string(), "").values;
  EXPECT_NEAR(image.max().item<double>(), 12000, 500);
  EXPECT_TRUE(at::allclose(read_npy(path("e.npy").string()).values.reshape({32, 32}).to(at::kDouble), image, 1e-6));

  // In a batch each file has a factor of its own.
  write("batch.yaml",
        "input: {files: '*t.fits', format: fits, operator: {type: identity}}\nnoise_std: 10\n"
        "solver: {type: tv_pdhg}\nbatch: {size: 1}\noutput: {path: all.h5}\n");
  ASSERT_EQ(recon("batch batch.yaml -q").exit_code, 0);
  ASSERT_EQ(recon("export all.h5 -o all.npy").exit_code, 0);
  const at::Tensor all = read_npy(path("all.npy").string()).values.flatten(1).amax(1);
  EXPECT_NEAR(all[0].item<double>(), 12000, 500) << "bright";
  EXPECT_NEAR(all[1].item<double>(), 4000, 200) << "faint";
}

// A frame with its plane of errors and dead pixels, as pipelines of telescopes write them.
TEST_F(FieldFiles, AFrameHasAPlaneOfErrorsAndDeadPixels) {
  const at::Tensor scene = 1000 * at::exp(-(at::arange(40) - 20).square().view({-1, 1}) / 40.0) *
                           at::exp(-(at::arange(40) - 20).square() / 40.0);
  const at::Tensor dead = Rng(1, "dead").uniform({{0, 0}}, 0, {{40, 40}, ScalarKind::real})[0] < 0.05;
  at::Tensor error = at::full({40, 40}, 5.0, at::kDouble);
  error.slice(1, 20, 40).fill_(150);  // the right half under a bright sky
  at::Tensor frame = scene + error * Rng(2, "noise").normal({{0, 0}}, 0, {{40, 40}, ScalarKind::real}, at::kDouble)[0];
  frame.masked_fill_(dead, NAN);
  error.masked_fill_(dead, INFINITY);
  write_fits(path("frame.fits").string(), frame);
  write_fits(path("error.fits").string(), error);
  write_fits(path("weight.fits").string(), error.square().reciprocal());
  const std::string input = "files: frame.fits, format: fits, operator: {type: identity}, ";
  const auto off = [&](const std::string& noise, const std::string& output) {
    write("run.yaml", "input: {" + input + noise + "}\nsolver: {type: diffpir}\n");
    const Outputs got = recon("run run.yaml -q --json -o " + output);
    EXPECT_EQ(got.exit_code, 0) << noise << got.err;
    EXPECT_NEAR(got.json()["items"][0]["chi2"].get<double>(), 0.8, 0.4) << noise;
    const at::Tensor image = read_fits_image(path(output).string(), "").values;
    return (image - scene).square().mean().sqrt().item<double>();
  };
  const double known = off("noise: {std_map: {file: error.fits}}", "a.fits");
  const double weighted = off("noise: {weights: {file: weight.fits}}", "b.fits");
  EXPECT_NEAR(known, weighted, 0.01 * known) << "two words for one thing";
  EXPECT_LT(known, 30) << "of 150 in the bright half";
  const Outputs both = recon("run frame.fits --operator '{type: identity}' -q -o c.fits --solver tv_pdhg");
  EXPECT_EQ(both.exit_code, 3) << "dead pixels that nothing speaks of";
  write("bad.yaml", "input: {" + input + "noise: {type: poisson, std_map: {file: error.fits}}}\n");
  EXPECT_EQ(recon("run bad.yaml").exit_code, 2);
  write("shape.yaml", "input: {" + input + "noise: {std_map: [1, 2, 3]}}\n");
  const Outputs shape = recon("run shape.yaml");
  EXPECT_EQ(shape.exit_code, 2);
  EXPECT_TRUE(contains(shape.err, "[1, 40, 40]") && contains(shape.err, "[3]")) << shape.err;
}

// What is simulated with a map comes back from the file with it.
TEST_F(FieldFiles, AMapOfNoiseIsSimulatedAndChecked) {
  at::Tensor map = at::linspace(0.01, 0.3, 64).expand({64, 64}).clone();
  map[3][7] = NAN;
  write_npy(path("map.npy").string(), map);
  write("sim.yaml",
        "images: phantom:shepp_logan:64\noperator: {type: blur, std_px: 1}\n"
        "noise: {std_map: {file: map.npy}}\noutput: m.h5\n");
  ASSERT_EQ(recon("simulate sim.yaml").exit_code, 0);
  const Outputs checked = recon("inspect m.h5 --check --json");
  EXPECT_EQ(checked.exit_code, 0) << checked.out;
  EXPECT_EQ(checked.json()["noise"]["std_map"]["not_measured"], 1);
  const Outputs got = recon("run m.h5 --json -q --solver tv_pdhg -o r.h5");
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_NEAR(got.json()["items"][0]["chi2"].get<double>(), 1, 0.05);
}

TEST_F(FieldFiles, JsonIsAloneOnStdout) {
  const Outputs got = recon(fmt::format("inspect '{}' --json", field("mrd_header_without_fov.h5")));
  EXPECT_EQ(got.exit_code, 3);
  EXPECT_EQ(got.json()["error"]["kind"], "data") << got.out;
  EXPECT_TRUE(contains(got.err, "fieldOfView_mm"));
}

TEST_F(FieldFiles, APictureIsInspected) {
  const json stack = recon(fmt::format("inspect '{}' --json", field("st5.tif"))).json();
  EXPECT_EQ(stack["pages"], 5);
  EXPECT_EQ(stack["size"], json({48, 64}));
  const json bits = recon(fmt::format("inspect '{}' --json", field("12bit.tif"))).json();
  EXPECT_EQ(bits["minimum"], 0);
  EXPECT_EQ(bits["maximum"], 4095);
  EXPECT_TRUE(contains(bits["note"].get<std::string>(), "12 bits"));
}

TEST_F(FieldFiles, TwelveBitsAreAskedForAndEveryPageIsMeasured) {
  const auto simulated = [&](const std::string& name) {
    write("s.yaml", fmt::format("images: '{}'\noperator: {{type: identity}}\noutput: m.h5\n", field(name)));
    return recon("simulate --force s.yaml --json");
  };
  const Outputs bits = simulated("12bit.tif");
  EXPECT_EQ(bits.exit_code, 0) << bits.err;
  EXPECT_TRUE(contains(bits.err, "image_range: [0, 0.0624857]"));
  EXPECT_EQ(simulated("st5.tif").json()["items"].size(), 5U);
}

TEST_F(FieldFiles, APriorWhoseWeightsCannotLoadIsNotSound) {
  const std::string record = test::source_path("tests/golden/unet2d/plain_gray/unet");
  std::filesystem::copy(record, path("prior"), std::filesystem::copy_options::recursive);
  write("prior/prior.yaml", "schedule: vp_linear\nprediction: epsilon\nvalue_range: [-1, 1]\n");
  const Outputs sound = recon("inspect ./prior --json");
  EXPECT_EQ(sound.exit_code, 0) << sound.err;
  std::filesystem::copy_file(test::source_path("tests/golden/unet2d/attention_rgb/unet/config.json"),
                             path("prior/config.json"), std::filesystem::copy_options::overwrite_existing);
  const Outputs broken = recon("inspect ./prior --json");
  EXPECT_EQ(broken.exit_code, 3) << broken.out;
  EXPECT_TRUE(contains(broken.err, "missing: "));
}

// 34 x 31 pixels, where the prior takes multiples of 8.
TEST_F(FieldFiles, SpectralSolversTakeAnySize) {
  write("s.yaml",
        "images: phantom:shepp_logan:48\ncrop: [3, 5, 34, 31]\noperator: {type: blur, std_px: 1}\n"
        "noise: {std: 0.02}\noutput: m.h5\n");
  ASSERT_EQ(recon("simulate --force s.yaml -q").exit_code, 0);
  for (const char* solver : {"ddnm", "ddrm"}) {
    const Outputs got = recon(fmt::format(
        "run --force m.h5 --json -q --set 'solver={{type: {}, steps: 10}}' --set output={}", solver, solver));
    EXPECT_EQ(got.exit_code, 0) << got.err;
    EXPECT_GT(psnr_in(got.json()), 22) << solver;
  }
}

TEST_F(FieldFiles, AdviceMakesSense) {
  const Outputs got = recon("inspect --operator '{type: super_resolution, factor: 64}' --image 1,30,90");
  EXPECT_EQ(got.exit_code, 2);
  EXPECT_TRUE(contains(got.err, "choose one up to 30"));
}

}  // namespace
}  // namespace recon
