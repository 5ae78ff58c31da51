// A volume through the program: simulated from a stack, inspected, reconstructed, exported, compared.
#include <ATen/ATen.h>

#include "data/measurement_file.h"
#include "data/nifti_file.h"
#include "data/result_file.h"
#include "operators/registry.h"
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

class VolumeProgram : public ProgramTest {
 protected:
  /// 8 slices of 32 x 32 pixels of the shipped head, blurred in three dimensions.
  void simulate(const std::string& op = "{type: blur, std_px: 1, std_z_px: 1.5, boundary: reflect}") {
    const at::Tensor head = read_nifti(test::source_path("data/samples/head_volume.nii.gz"));
    ASSERT_EQ(head.sizes(), at::IntArrayRef({32, 128, 128}));
    write_nifti(path("head.nii").string(), head.narrow(0, 8, 8).narrow(1, 48, 32).narrow(2, 48, 32).contiguous(),
                {1, 1, 1});
    write("simulate.yaml", "images: head.nii\nvolume: true\nimage_range: [0, 255]\noperator: " + op +
                               "\nnoise: {std: 8}\noutput: stack.h5\n");
    const Outputs got = recon("simulate simulate.yaml --json");
    ASSERT_EQ(got.exit_code, 0) << got.err;
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }
  int sliders_of(const std::string& page) const {
    const std::string html = file_content(path(page)), slider = "<input type=\"range\" data-slices=";
    int count = 0;
    for (auto at = html.find(slider); at != std::string::npos; at = html.find(slider, at + 1)) ++count;
    return count;
  }
};

// Three-dimensional Cartesian MRI: what a quarter of the readouts leave open, the coils and the prior fill.
TEST_F(VolumeProgram, IsMeasuredInThreeDimensionalKSpace) {
  simulate("{type: sense, coils: 4, pattern: poisson_disc, acceleration: 2, center_lines: 4}");
  EXPECT_EQ(MeasurementFile::open(path("stack.h5").string()).header().image.shape, (Shape{1, 8, 32, 32}));
  for (const char* solver : {"{type: tikhonov_cg}", "{type: diffusion_mbir, steps: 4}"}) {
    write("run.yaml", std::string("input: stack.h5\nprior: brain_mri\nsolver: ") + solver + "\noutput: out.h5\n");
    const Outputs got = recon("run run.yaml --json --allow-misfit --force");
    ASSERT_EQ(got.exit_code, 0) << got.err;
    EXPECT_GT(read_result_file(path("out.h5").string()).main.metrics.at("psnr")[0], 20) << solver;
  }
  ASSERT_EQ(recon("export out.h5 -o out.html").exit_code, 0);
  EXPECT_EQ(sliders_of("out.html"), 1);
}

TEST_F(VolumeProgram, IsSimulatedReconstructedAndExportedAsOne) {
  simulate();
  const MeasurementFile file = MeasurementFile::open(path("stack.h5").string());
  EXPECT_EQ(file.header().image.shape, (Shape{1, 8, 32, 32}));
  EXPECT_EQ(file.ids(), std::vector<std::string>{"head"});
  const Outputs inspected = recon("inspect stack.h5 --json --check");
  EXPECT_EQ(inspected.exit_code, 0) << inspected.err;
  for (const char* solver :
       {"{type: tv_pdhg, max_iterations: 200}", "{type: diffusion_mbir, steps: 4}", "{type: dps, steps: 2}"}) {
    write("run.yaml", std::string("input: stack.h5\nprior: brain_mri\nsolver: ") + solver +
                          "\noutput: out.h5\npreview: planes.png\n");
    const Outputs got = recon("run run.yaml --json --allow-misfit --force");
    ASSERT_EQ(got.exit_code, 0) << got.err;
    EXPECT_TRUE(std::filesystem::exists(path("planes.png")));
    const ResultSet set = read_result_file(path("out.h5").string());
    EXPECT_EQ(set.main.reconstructions.sizes(), at::IntArrayRef({1, 1, 8, 32, 32}));
    const bool a_few_steps_do = std::string(solver).find("dps") == std::string::npos;
    EXPECT_GT(set.main.metrics.at("psnr")[0], a_few_steps_do ? 15 : -10) << solver;
    EXPECT_TRUE(std::isfinite(set.main.metrics.at("ssim")[0])) << solver;
    ASSERT_EQ(recon("export out.h5 -o out.nii.gz --force").exit_code, 0);
    EXPECT_LT((read_nifti(path("out.nii.gz").string()) - set.main.reconstructions[0][0]).abs().max().item<double>(),
              1e-3);
    ASSERT_EQ(recon("export out.h5 -o out.tif --force").exit_code, 0);
    EXPECT_NE(recon("export out.h5 -o out.png --force").err.find("write it as .nii"), std::string::npos);
  }
}

TEST_F(VolumeProgram, ComparesInAReport) {
  simulate("{type: slices, of: {type: radon, angles: 12}}");
  write("compare.yaml",
        "tasks: [{name: ct, input: stack.h5}]\nsolvers: [{type: fbp}, {type: diffpir, steps: 2}, {type: tgv_pdhg}]\n"
        "prior: brain_mri\noutput: compared\n");
  const Outputs got = recon("compare compare.yaml --json --allow-misfit");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(sliders_of("compared/report.html"), 3) << "the truth and two solvers";
  const auto json = got.json();
  for (const auto& row : json["rows"]) {
    EXPECT_EQ(row["status"] == "not_applicable", row["solver"] == "tgv_pdhg") << row;
  }
}

TEST_F(VolumeProgram, SaysWhatIsWrong) {
  simulate();
  write("run.yaml", "input: stack.h5\nprior: brain_mri\nsolver: {type: diffpir, steps: 2}\noutput: out.h5\n");
  const Outputs thin = recon("run run.yaml --set prior_slices=[axial,sagittal]");
  EXPECT_EQ(thin.exit_code, 2);
  EXPECT_NE(thin.err.find("use axial"), std::string::npos) << thin.err;
  const Outputs word = recon("run run.yaml --set prior_slices=[axal]");
  EXPECT_EQ(word.exit_code, 2);
  EXPECT_NE(word.err.find("did you mean 'axial'"), std::string::npos) << word.err;
  write("bad.yaml", "images: head.nii\nvolume: true\noperator: {type: radon}\noutput: bad.h5\n");
  EXPECT_NE(recon("simulate bad.yaml").err.find("use `slices`"), std::string::npos);
}

}  // namespace
}  // namespace recon
