// recon import and export through the real program, on files that the tests write and on those of ISMRMRD's generator.
#include <ismrmrd/dataset.h>

#include "data/bart_file.h"
#include "data/image_io.h"
#include "data/measurement_file.h"
#include "data/result_file.h"
#include "operators/fourier/fft.h"
#include "operators/mri/coil_maps.h"
#include "recon/core/rng.h"
#include "tests/commands/program.h"

namespace recon {
namespace {

/// The root mean square difference of magnitudes over the root mean square of `truth`, after the best scale.
double magnitude_error(const at::Tensor& image, const at::Tensor& truth) {
  const at::Tensor a = image.abs().to(at::kDouble).flatten(), b = truth.abs().to(at::kDouble).flatten();
  const at::Tensor scaled = a * ((a * b).sum() / a.square().sum());
  return ((scaled - b).square().sum() / b.square().sum()).sqrt().item<double>();
}

class Import : public ProgramTest {
 protected:
  static constexpr std::int64_t size = 48, coils = 6;
  static constexpr double noise_std = 0.03;

  /// A disk with a bar and a smooth phase, [1, H, W].
  static at::Tensor image() {
    const at::Tensor v = at::linspace(-1, 1, size).view({-1, 1}), h = v.t();
    const at::Tensor disk = (v.square() + h.square() < 0.6).to(at::kFloat);
    const at::Tensor bar = ((v - 0.1).abs() < 0.15).logical_and(h.abs() < 0.5).to(at::kFloat);
    return at::polar(disk * (0.5 + 0.5 * bar), (0.8 * v + 0.5 * h).expand({size, size}).contiguous()).unsqueeze(0);
  }

  /// Fully sampled noisy k-space of two slices in units of 300, as a BART array.
  void write_kspace(const std::string& name) const {
    const at::Tensor maps = simulated_coil_maps({{1, size, size}, ScalarKind::complex}, coils)[0].to(at::kComplexFloat);
    std::vector<at::Tensor> slices;
    for (std::uint32_t i = 0; i < 2; ++i) {
      const at::Tensor noise =
          Rng(7, "import_test").normal({StreamKey{}}, i, {{coils, size, size}, ScalarKind::complex}, at::kFloat)[0];
      slices.push_back(300 * (fft2_centred(maps * image()) / (1.0 + i) + noise_std * noise));
    }
    const at::Tensor stacked = at::stack(slices).permute({2, 3, 1, 0});  // [H, W, coils, slices]
    write_bart(path(name).string(), stacked.reshape({size, size, 1, coils, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2}));
  }
};

TEST_F(Import, MakesAFileThatRunsAndExports) {
  write_kspace("k");
  const Outputs described = recon("inspect k.cfl --json");
  ASSERT_EQ(described.exit_code, 0) << described.err;
  EXPECT_EQ(described.json()["format"], "BART");
  EXPECT_EQ(described.json()["coils"], coils);
  const Outputs imported = recon(
      "import --force k.cfl -o m.h5 --json --set undersampling.acceleration=2"
      " --set undersampling.center_lines=16 --set coils=5");
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_EQ(imported.json()["ground_truth"], true);
  const MeasurementFile file = MeasurementFile::open(path("m.h5").string());
  EXPECT_EQ(file.measurement(), (TensorSpec{{5, size, size}, ScalarKind::complex}));
  // Corners hold noise and a little of the disk's edge: within a factor of 1.5 of the noise that was added. White is
  // the brightest of the image, about 1 in units of 300, in the centre's resolution.
  EXPECT_GT(file.item(0).noise_std, noise_std / 1.3);
  EXPECT_LT(file.item(0).noise_std, noise_std * 1.5);
  const Outputs inspected = recon("inspect m.h5 --check --json");
  const auto found = inspected.json();
  for (const auto& check : found["checks"]) {  // chi² of a noisy truth is no 1: it was made of these data
    const auto name = check["check"].get<std::string>();
    EXPECT_TRUE(check["passed"].get<bool>() || name.find("chi2") == 0) << check;
  }
  const Outputs run = recon("run --force m.h5 --json --set 'solver={type: tikhonov_cg}' --set output=r.h5");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const ResultSet result = read_result_file(path("r.h5").string());
  EXPECT_LT(magnitude_error(result.main.reconstructions[0], image()), 0.15);  // edges are smoothed
  ASSERT_EQ(recon("export r.h5 -o v.nii --voxel 1,1,5").exit_code, 0);
  EXPECT_EQ(std::filesystem::file_size(path("v.nii")), 352U + 2 * size * size * 8);
  ASSERT_EQ(recon("export r.h5 -o v.tiff").exit_code, 0);
  ASSERT_EQ(recon("export r.h5 -o v.cfl").exit_code, 0);
  const at::Tensor back = read_bart(path("v").string());
  EXPECT_EQ(back.size(13), 2);
  EXPECT_TRUE(at::equal(back.squeeze().select(2, 1).contiguous(), result.main.reconstructions[1][0]));
  expect_error("export r.h5 -o v.jpg", 2, {"v.jpg", ".png, .tif"});
  expect_error("export r.h5 -o v.nii --what dsp", 2, {"there is no 'dsp'"});
}

TEST_F(Import, MapsCanWaitForTheReconstruction) {
  write_kspace("k");
  // A centre of 24 x 24 in both cases: what is estimated from all data and from the undersampled ones is the same.
  const std::string options = " --set undersampling.acceleration=1.5 --set undersampling.center_lines=24";
  ASSERT_EQ(recon("import --force k -o now.h5" + options).exit_code, 0);
  ASSERT_EQ(recon("import --force k -o later.h5 --set coil_maps=later" + options).exit_code, 0);
  EXPECT_TRUE(
      contains(MeasurementFile::open(path("later.h5").string()).header().operator_config, "coil_maps: espirit"));
  ASSERT_EQ(recon("inspect later.h5 --json").exit_code, 0);
  for (const std::string name : {"now", "later"}) {
    const Outputs run = recon("run --force " + name + ".h5 --set 'solver={type: lsqr}' --set output=r_" + name + ".h5");
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }
  const at::Tensor now = read_result_file(path("r_now.h5").string()).main.reconstructions;
  const at::Tensor later = read_result_file(path("r_later.h5").string()).main.reconstructions;
  EXPECT_LT((now - later).abs().max().item<double>(), 0.01);
}

TEST_F(Import, MapsOfOneSliceServeAll) {
  write_kspace("k");
  const at::Tensor maps =
      Rng(4, "maps").normal({StreamKey{}}, 0, {{size, size, 1, coils}, ScalarKind::complex}, at::kFloat)[0];
  const std::string import = "import --force k -o m.h5 --set noise=none --set coil_maps=file --set maps_file=maps";
  write_bart(path("maps").string(), maps);
  ASSERT_EQ(recon(import).exit_code, 0);
  const MeasurementFile file = MeasurementFile::open(path("m.h5").string());
  ASSERT_EQ(file.count(), 2);
  for (const std::int64_t slice : {0, 1}) {
    EXPECT_TRUE(at::equal(file.item(slice).arrays.at("coil_maps"), maps.select(2, 0).permute({2, 0, 1})));
  }
  write_bart(path("maps").string(), maps.narrow(3, 0, coils - 1).contiguous());
  expect_error(import, 3, {"maps", "[2, 6, 48, 48]", "[2, 5, 48, 48]"});
}

TEST_F(Import, RealPriorsTakeThePhaseOfTheCentre) {
  write_kspace("k");
  ASSERT_EQ(recon("import --force k -o m.h5 --set undersampling.acceleration=2 --set undersampling.center_lines=16")
                .exit_code,
            0);
  expect_error("run m.h5 --set solver.steps=2 --set complex_image=none", 2, {"complex_image", "phase_from_centre"});
  for (const std::string word : {"phase_from_centre", "two_channels", "magnitude"}) {
    const Outputs run = recon(
        "run --force m.h5 --json --allow-misfit --set 'solver={type: diffpir, steps: 8}' --set items=[slice0] --set "
        "output=" +
        word + ".h5 --set complex_image=" + word);
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }
  const auto error_of = [&](const std::string& name) {
    return magnitude_error(read_result_file(path(name + ".h5").string()).main.reconstructions[0], image());
  };
  EXPECT_LT(error_of("phase_from_centre"), 0.2);
  EXPECT_LT(error_of("two_channels"), 0.2);
  EXPECT_GT(error_of("magnitude"), error_of("phase_from_centre"));  // the image has a phase: zero is wrong
}

TEST_F(Import, SaysWhatIsWrong) {
  write("a.txt", "nothing");
  expect_error("import a.txt -o m.h5", 3, {"a.txt", "ISMRMRD", "fastMRI", "BART"});
  expect_error("import missing.h5 -o m.h5", 3, {"missing.h5", "no such file"});
  write_kspace("k");
  expect_error("import k -o m.h5 --set noise=scan", 3, {"no noise scan"});
  expect_error("import k -o m.h5 --set coil_maps=file", 2, {"maps_file"});
  expect_error("import k -o m.h5 --set nois=none", 2, {"did you mean 'noise'"});
  write_png(path("x.png").string(), image().abs(), {0, 1});
  write("sim.yaml", "images: x.png\noperator: {type: sense, coil_maps: espirit}\n");
  expect_error("simulate sim.yaml", 2, {"sim.yaml:2", "coil_maps: 'espirit' needs measured data"});
}

/// Files of ismrmrd_generate_cartesian_shepp_logan (Debian ismrmrd-tools).
class GeneratedIsmrmrd : public ProgramTest {
 protected:
  void generate(const std::string& options) const {
    if (shell("which ismrmrd_generate_cartesian_shepp_logan").exit_code != 0) {
      GTEST_SKIP() << "no ismrmrd_generate_cartesian_shepp_logan: apt-get install ismrmrd-tools";
    }
    ASSERT_EQ(shell("ismrmrd_generate_cartesian_shepp_logan -o raw.h5 " + options).exit_code, 0);
  }
  at::Tensor phantom() const {
    ISMRMRD::Dataset file(path("raw.h5").c_str(), "dataset", false);
    ISMRMRD::NDArray<complex_float_t> array;
    file.readNDArray("phantom", 0, array);
    const auto size = static_cast<std::int64_t>(array.getDims()[0]);
    return at::from_blob(array.getDataPtr(), {size, size}, at::kComplexFloat).t().clone();  // its first axis is fastest
  }
};

TEST_F(GeneratedIsmrmrd, IsImportedWithItsNoiseScanAndReconstructed) {
  generate("-m 64 -c 6 -O 2 -a 2 -w 20 -n 0.01 -C");
  if (IsSkipped() || HasFatalFailure()) return;
  const Outputs described = recon("inspect raw.h5 --json");
  ASSERT_EQ(described.exit_code, 0) << described.err;
  EXPECT_EQ(described.json()["matrix"], nlohmann::json::array({128, 64}));
  EXPECT_EQ(described.json()["readout_without_oversampling"], 64);
  EXPECT_GT(described.json()["noise_samples"].get<int>(), 0);
  ASSERT_EQ(recon("import --force raw.h5 -o m.h5").exit_code, 0);
  const MeasurementFile file = MeasurementFile::open(path("m.h5").string());
  EXPECT_EQ(file.measurement(), (TensorSpec{{6, 64, 64}, ScalarKind::complex}));
  const Outputs run = recon("run --force m.h5 --json --set 'solver={type: tv_pdhg}' --set output=r.h5");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const at::Tensor image = read_result_file(path("r.h5").string()).main.reconstructions[0];
  EXPECT_LT(magnitude_error(image, phantom()), 0.1);
  EXPECT_LT(run.json()["items"][0]["chi2"].get<double>(), 1.2);
}

}  // namespace
}  // namespace recon
