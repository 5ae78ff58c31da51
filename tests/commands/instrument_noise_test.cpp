// Noise as instruments state it, through the real program: cameras, planes of FITS files, coloured noise, coils.
#include <ATen/ATen.h>

#include "data/fits_file.h"
#include "data/npy_file.h"
#include "operators/noise.h"
#include "recon/core/rng.h"
#include "tests/commands/program.h"

namespace recon {
namespace {

using nlohmann::json;

/// A spot of light over a dim ground, in any unit.
at::Tensor spot(double height) {
  const at::Tensor axis = (at::arange(40, at::kDouble) - 20).square();
  return height * (0.1 + at::exp(-axis.view({-1, 1}) / 60) * at::exp(-axis / 60));
}

class InstrumentNoise : public ProgramTest {
 protected:
  json run(const std::string& input, const std::string& solver, const std::string& output) const {
    write("run.yaml", "input: {" + input + "}\nsolver: " + solver + "\n");
    const Outputs got = recon("run run.yaml --force -q --json -o " + output);
    EXPECT_EQ(got.exit_code, 0) << input << got.err;
    return got.exit_code == 0 ? got.json()["items"][0] : json();
  }
  at::Tensor image(const std::string& name) const { return read_fits_image(path(name).string(), "").values; }

  /// A FITS file of several images, numbered from 0 on.
  void write_planes(const std::string& name, const std::vector<at::Tensor>& planes) const {
    std::string bytes;
    for (const at::Tensor& plane : planes) {
      write_fits(path("plane.fits").string(), plane);
      std::string part = file_content(path("plane.fits"));
      if (!bytes.empty()) part.replace(0, 80, fmt::format("{:<80}", "XTENSION= 'IMAGE   '"));
      bytes += part;
    }
    write(name, bytes);
  }
};

// A camera of 2.5 electrons per unit, an offset of 100 and a read noise of 4 electrons: its own words say what
// poisson_gaussian says, and chi² of the smoothed image is that of the right level.
TEST_F(InstrumentNoise, ACameraSaysItInItsOwnWords) {
  const Noise noise{.type = NoiseType::poisson_gaussian, .std = {4 / 2.5}, .peak = 2.5};
  const at::Tensor y = with_noise(noise, spot(400).view({1, 1, 40, 40}), Rng(1, "camera"), {{0, 0}});
  write_npy(path("frame.npy").string(), (y + 100).round().view({40, 40}).to(at::kFloat));
  const std::string input =
      "files: frame.npy, format: npy, operator: {type: blur, std_px: 0.7}, image_range: [0, 500], ";
  const std::string camera = "noise: {type: camera, gain_e_per_adu: 2.5, offset_adu: 100, read_noise_e: 4}";
  const std::string solver = "{type: richardson_lucy}";
  const json row = run(input + "scale: 1, " + camera, solver, "a.fits");
  run(input + "scale: 1, offset: 100, noise: {type: poisson_gaussian, peak: 2.5, std: 1.6}", solver, "b.fits");
  EXPECT_TRUE(at::equal(image("a.fits"), image("b.fits")));
  EXPECT_NEAR(row["chi2"].get<double>(), 1, 0.3) << "the solver fits some of the noise";
  const std::string wrong = "noise: {type: camera, gain_e_per_adu: 25, offset_adu: 100, read_noise_e: 4}";
  EXPECT_GT(run(input + "scale: 1, " + wrong, solver, "w.fits")["chi2"].get<double>(), 1.5 * row["chi2"].get<double>())
      << "told a tenth of the variance, the image has to follow more of the noise";
  // In other units of the images the counts stay what they are.
  const std::string half = "files: frame.npy, format: npy, operator: {type: blur, std_px: 0.7}, image_range: [0, 1], ";
  const json other = run(half + "scale: 0.002, " + camera, solver, "c.fits");
  EXPECT_NEAR(other["chi2"].get<double>(), row["chi2"].get<double>(), 1e-3);
  EXPECT_TRUE(at::allclose(image("c.fits") * 500, image("a.fits"), 1e-3, 0.1));
  write("bad.yaml", "input: {" + input + "offset: 3, " + camera + "}\n");
  expect_error("run bad.yaml", 2, {"bad.yaml:1", "offset_adu"});
  write("sim.yaml", "images: phantom:shepp_logan:32\noperator: {type: identity}\n" + camera + "\noutput: m.h5\n");
  expect_error("simulate sim.yaml", 2, {"poisson_gaussian", "peak"});
}

// Variances that span a thousandfold, and a region of NaN that the flags of the frame mark.
TEST_F(InstrumentNoise, AFitsFileHasPlanesOfWeightsErrorsAndFlags) {
  const at::Tensor scene = spot(1000);
  const at::Tensor std = 2 * at::pow(at::scalar_tensor(10.0, at::kDouble), at::linspace(0, 1.5, 40, at::kDouble));
  const at::Tensor error = std.expand({40, 40}).clone();  // 4 to 4000
  at::Tensor frame = scene + error * Rng(2, "noise").normal({{0, 0}}, 0, {{40, 40}, ScalarKind::real}, at::kDouble)[0];
  at::Tensor flags = at::zeros({40, 40}, at::kDouble);
  frame.slice(0, 10, 16).slice(1, 14, 20).fill_(NAN);
  flags.slice(0, 10, 16).slice(1, 14, 20).fill_(4);
  write_planes("frame.fits", {frame, error, error.square(), error.square().reciprocal(), flags});
  const std::string input =
      "files: frame.fits, format: fits, scale: 1, image_range: [0, 1100], "
      "operator: {type: identity}, mask: '4', ";
  const std::string solver = "{type: tikhonov_cg, penalty: gradient}";
  // Inverse variance makes the three words one; the mean square of what is left agrees with the stated levels.
  const json row = run(input + "error: '1'", solver, "a.fits");
  run(input + "variance: '2'", solver, "b.fits");
  run(input + "weight: '3'", solver, "c.fits");
  EXPECT_NEAR(row["chi2"].get<double>(), 1, 0.1);
  EXPECT_TRUE(at::allclose(image("a.fits"), image("b.fits"), 1e-3, 0.1));
  EXPECT_TRUE(at::allclose(image("a.fits"), image("c.fits"), 1e-3, 0.1));
  EXPECT_TRUE(at::isfinite(image("a.fits")).all().item<bool>()) << "what is not measured is filled in";
  const Outputs said = recon("run run.yaml --force -o d.fits");
  EXPECT_TRUE(contains(said.out + said.err, "36 of 1600 entries are not measured"));
  // Flags alone: the level is estimated from what is measured, or stated, or that of counts.
  for (const std::string noise : {"", "noise: {type: gaussian, std: 20}", "noise: {type: poisson, peak: 1}"}) {
    run(input + noise, noise.empty() ? solver : "{type: tikhonov_cg}", "e.fits");
    EXPECT_TRUE(at::isfinite(image("e.fits")).all().item<bool>()) << noise;
  }
  const json listed = recon("inspect frame.fits --json").json();
  EXPECT_EQ(listed["contents"].size(), 5U) << listed.dump();
  write("two.yaml", "input: {" + input + "error: '1', weight: '3'}\n");
  EXPECT_EQ(recon("run two.yaml").exit_code, 2);
  write("nan.yaml", "input: {files: frame.fits, format: fits, operator: {type: identity}}\n");
  EXPECT_EQ(recon("run nan.yaml").exit_code, 3) << "NaN that nothing speaks of";
}

TEST_F(InstrumentNoise, ColouredNoiseIsSimulatedCheckedAndSolved) {
  const at::Tensor f = at::fft_fftshift(at::fft_fftfreq(48, 1, at::kDouble));
  write_npy(path("power.npy").string(),
            (0.0004 + 0.05 * at::exp(-f.square() / 0.001) * at::exp(-f.unsqueeze(1).square() / 0.1)).to(at::kFloat));
  write("sim.yaml",
        "images: phantom:shepp_logan:48\noperator: {type: blur, std_px: 1}\n"
        "noise: {power_spectrum: {file: power.npy}}\noutput: m.h5\n");
  ASSERT_EQ(recon("simulate sim.yaml").exit_code, 0);
  const Outputs checked = recon("inspect m.h5 --check --json");
  EXPECT_EQ(checked.exit_code, 0) << checked.out;
  EXPECT_TRUE(contains(checked.json()["noise"]["correlated"].get<std::string>(), "power_spectrum"));
  const Outputs got = recon("run m.h5 --json -q --solver tv_pdhg -o r.h5");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const double coloured = got.json()["items"][0]["psnr"].get<double>();
  EXPECT_NEAR(got.json()["items"][0]["chi2"].get<double>(), 1, 0.05);
  write("plain.yaml", "input: m.h5\nsolver: {type: tv_pdhg}\nnoise_std: 0.05\n");
  expect_error("run plain.yaml", 2, {"correlated", "noise_std"});
  EXPECT_GT(coloured, 15);
  const Outputs wiener = recon("run m.h5 -q --solver wiener -o w.h5");
  EXPECT_EQ(wiener.exit_code, 2) << "its closed form knows no colour";
  EXPECT_TRUE(contains(wiener.err, "wiener"));
}

}  // namespace
}  // namespace recon
