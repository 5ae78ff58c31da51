// Raw MRI files as they occur, from `recon import` to the image, through the real program. Each test's name says the
// kind; tests/golden/mri_cases/README.md says what the files are.
#include <numbers>

#include "data/kspace_file.h"
#include "data/measurement_file.h"
#include "data/result_file.h"
#include "operators/fourier/fft.h"
#include "operators/mri/channels.h"
#include "operators/mri/coil_maps.h"
#include "recon/core/rng.h"
#include "tests/commands/program.h"
#include "tests/data/ismrmrd_writer.h"

namespace recon {
namespace {

using testing_data::MrdHeader;
using testing_data::MrdLine;

/// PSNR in dB of the magnitudes after the best scale, peak = largest of the truth.
double psnr_after_scale(const at::Tensor& image, const at::Tensor& truth) {
  const at::Tensor a = image.abs().to(at::kDouble).flatten(), b = truth.abs().to(at::kDouble).flatten();
  const at::Tensor scaled = a * ((a * b).sum() / a.square().sum());
  return 10 * std::log10(std::pow(b.max().item<double>(), 2) / (scaled - b).square().mean().item<double>());
}

class MriCase : public ProgramTest {
 protected:
  static std::string file_of(const std::string& name) {
    return "'" + test::source_path("tests/golden/mri_cases/" + name) + "'";
  }

  /// The head of the small files, without noise: the one with phase oversampling has none.
  static at::Tensor head() {
    const auto scan = read_kspace(test::source_path("tests/golden/mri_cases/mrd_phase_oversampling.h5"));
    return root_sum_of_squares(ifft2_centred(scan.kspace[0])).narrow(1, 8, 32);
  }

  Outputs import(const std::string& source, const std::string& options = "") const {
    const Outputs got = recon("import --force " + source + " -o m.h5 --json " + options);
    EXPECT_EQ(got.exit_code, 0) << got.err;
    return got;
  }

  at::Tensor image_of(const std::string& solver, const std::string& options = "") const {
    const Outputs run =
        recon("run --force m.h5 --json --set 'solver={type: " + solver + "}' --set output=r.h5 " + options);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return read_result_file(path("r.h5").string()).main.reconstructions;
  }

  static std::string notes_of(const Outputs& imported) { return imported.json()["notes"].dump(); }

  /// A disk in six coils, k-space [coils, size, size], noise of `noise_std`.
  static constexpr std::int64_t size = 48, coils = 6;
  static at::Tensor disk() {
    const at::Tensor v = at::linspace(-1, 1, size).view({-1, 1}), h = v.t();
    return (v.square() + h.square() < 0.6).to(at::kFloat) * (1 + 0.5 * ((h - 0.2).abs() < 0.2).to(at::kFloat));
  }
  static at::Tensor disk_kspace(double noise_std, std::uint32_t step = 0) {
    const at::Tensor maps = simulated_coil_maps({{1, size, size}, ScalarKind::complex}, coils)[0].to(at::kComplexFloat);
    return fft2_centred(maps * disk()) + noise_std * noise(step);
  }
  static at::Tensor noise(std::uint32_t step) {
    return Rng(3, "mri_cases").normal({StreamKey{}}, step, {{coils, size, size}, ScalarKind::complex}, at::kFloat)[0];
  }
  static MrdHeader header() {
    return {.rows = static_cast<int>(size),
            .columns = static_cast<int>(size),
            .limits = MrdHeader::limit("kspace_encoding_step_1", static_cast<int>(size) - 1, size / 2)};
  }
  static MrdLine line_of(const at::Tensor& kspace, std::int64_t step) {
    return {.samples = kspace.select(2, step), .centre = static_cast<int>(size / 2), .step = static_cast<int>(step)};
  }
};

TEST_F(MriCase, SeparateCalibrationMakesMapsAndNoImage) {
  const Outputs imported = import(file_of("mrd_separate_calibration.h5"));
  EXPECT_TRUE(contains(notes_of(imported), "from calibration lines"));
  EXPECT_TRUE(contains(imported.json()["source"]["lines"].dump(), R"("lines":12,"used_for":"coil maps only")"));
  EXPECT_GT(psnr_after_scale(image_of("tv_pdhg")[0], head()), 30);
}

TEST_F(MriCase, FourAveragesHalveTheNoise) {
  const Outputs imported = import(file_of("mrd_four_averages.h5"));
  // 0.00496 is half of the level of one scan in units of white: 256 samples of 2 coils tell it to 3 %.
  const double std = imported.json()["noise_std"][0].get<double>();
  EXPECT_NEAR(std, 0.00496, 0.0003);
  const MeasurementFile file = MeasurementFile::open(path("m.h5").string());
  EXPECT_EQ(file.header().operator_config.find("sample_weights"), std::string::npos) << "all lines have four";
}

TEST_F(MriCase, CentreWithoutLimitsGivesTheImage) {
  const Outputs imported = import(file_of("mrd_no_encoding_limits.h5"));
  EXPECT_TRUE(contains(notes_of(imported), "line of most energy"));
  EXPECT_GT(psnr_after_scale(image_of("tv_pdhg")[0], head()), 25);
}

TEST_F(MriCase, PhaseOversamplingIsCutAndSaid) {
  const Outputs imported = import(file_of("mrd_phase_oversampling.h5"));
  EXPECT_EQ(imported.json()["image"], "complex [1, 32, 32]") << imported.out;
  EXPECT_TRUE(contains(notes_of(imported), "the oversampling of the phase encoding is cut: 32 of 48 pixels"));
  // There is no noise in this file: what maps and data differ by is what an image can be fitted to.
  EXPECT_TRUE(contains(notes_of(imported), "coil maps explain the data to")) << imported.out;
  EXPECT_GT(psnr_after_scale(image_of("tv_pdhg")[0], head()), 35);
  EXPECT_EQ(import(file_of("mrd_phase_oversampling.h5"), "--set keep_oversampling=true").json()["image"],
            "complex [1, 32, 48]");
}

TEST_F(MriCase, HeaderWithoutFieldOfViewIsOneJsonObject) {
  const Outputs got = recon("import --force " + file_of("mrd_header_without_fov.h5") + " -o m.h5 --json");
  EXPECT_EQ(got.exit_code, 3);
  EXPECT_TRUE(got.json().contains("error")) << got.out;
}

TEST_F(MriCase, UnequalAveragesWeighTheLines) {
  constexpr double noise_std = 0.05;
  std::vector<MrdLine> lines;
  for (std::int64_t step = 0; step < size; ++step) {
    const int averages = std::abs(step - size / 2) <= 8 ? 4 : 1;
    for (int average = 0; average < averages; ++average) {
      lines.push_back(line_of(disk_kspace(noise_std, static_cast<std::uint32_t>(average)), step));
    }
  }
  MrdLine scan = line_of(noise(50) * noise_std, 0);
  scan.samples = (noise(50) * noise_std).flatten(1);
  scan.flags = {ISMRMRD::ISMRMRD_ACQ_IS_NOISE_MEASUREMENT};
  lines.push_back(scan);
  testing_data::write_mrd(path("unequal.h5").string(), header().xml(), lines);
  const Outputs imported = import("unequal.h5", "--set coil_maps=espirit");
  EXPECT_TRUE(contains(notes_of(imported), "differently many measurements"));
  const MeasurementFile file = MeasurementFile::open(path("m.h5").string());
  const at::Tensor weights = file.item(0).arrays.at("sample_weights");
  EXPECT_NEAR(weights[0][0].item<double>(), 0.5, 1e-5);
  EXPECT_NEAR(weights[0][size / 2].item<double>(), 1, 1e-5);
  // The data are of one level: that of the mean of four.
  const at::Tensor corner = file.item(0).y.narrow(2, 0, 4).narrow(1, 0, 8);
  const double found = std::sqrt(corner.abs().square().mean().item<double>() / 2);
  // Half of noise_std, per real component. 192 samples, and a little of the disk.
  EXPECT_NEAR(found / (noise_std / 2 / std::numbers::sqrt2), 1, 0.15);
  EXPECT_GT(file.item(0).noise_std, 0.85 * found) << "the error of the maps is part of the level";
  EXPECT_EQ(recon("inspect m.h5 --check").exit_code, 0);
  const Outputs run = recon("run --force m.h5 --json --set 'solver={type: tv_pdhg}' --set output=r.h5");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NEAR(run.json()["items"][0]["chi2"].get<double>(), 1, 0.1);
}

TEST_F(MriCase, InterleavedRepetitionsShareTheirMaps) {
  std::vector<MrdLine> lines;
  for (int repetition = 0; repetition < 2; ++repetition) {
    const at::Tensor kspace = disk_kspace(0.02, static_cast<std::uint32_t>(repetition));
    for (std::int64_t step = repetition; step < size; step += 2) {
      MrdLine line = line_of(kspace, step);
      line.repetition = repetition;
      lines.push_back(line);
    }
  }
  testing_data::write_mrd(path("tsense.h5").string(), header().xml(), lines);
  const Outputs imported = import("tsense.h5");
  EXPECT_TRUE(contains(notes_of(imported), "coil maps of 2 item(s) from the average over repetitions"));
  const at::Tensor images = image_of("tv_pdhg");
  ASSERT_EQ(images.size(0), 2);
  for (const std::int64_t repetition : {0, 1}) EXPECT_GT(psnr_after_scale(images[repetition], disk()), 25);
}

TEST_F(MriCase, OneItemWithoutACentreDoesNotEndTheOthers) {
  std::vector<MrdLine> lines;
  for (const int slice : {0, 1}) {
    for (std::int64_t step = 0; step < size; ++step) {
      if (slice == 1 && step == size / 2) continue;
      MrdLine line = line_of(disk_kspace(0.02), step);
      line.slice = slice;
      lines.push_back(line);
    }
  }
  testing_data::write_mrd(path("one.h5").string(), header().xml(), lines);
  const Outputs imported = import("one.h5");
  EXPECT_EQ(imported.json()["items"], nlohmann::json::array({"slice0"}));
  EXPECT_TRUE(contains(notes_of(imported), "slice1 is left out"));
}

TEST_F(MriCase, WhiteningLeavesTheImageOfTheFilesOwnCoils) {
  // Coils of very different and correlated noise: whitened maps of unit length would shade the image by them.
  const at::Tensor kspace = disk_kspace(0);
  at::Tensor mixing = at::diag(at::tensor({0.01, 0.08, 0.02, 0.01, 0.04, 0.01})).to(at::kComplexFloat);
  mixing[1][0] = c10::complex<float>(0.01F, 0.02F);
  const at::Tensor noisy = kspace + at::matmul(mixing, noise(1).flatten(1)).view(kspace.sizes());
  std::vector<MrdLine> lines;
  for (std::int64_t step = 0; step < size; ++step) lines.push_back(line_of(noisy, step));
  testing_data::write_mrd(path("unequal.h5").string(), header().xml(), lines);
  const at::Tensor inside = disk() > 0;
  for (const std::string options : {"--set noise=corners", "--set noise=background", "--set coils=4"}) {
    import("unequal.h5", options);
    const at::Tensor found = MeasurementFile::open(path("m.h5").string()).item(0).ground_truth[0];
    EXPECT_GT(psnr_after_scale(found * inside, disk()), 28) << options;  // the noise of the combination
  }
  import("unequal.h5", "--set coil_maps=later");
  EXPECT_GT(psnr_after_scale(image_of("lsqr")[0] * inside, disk()), 28) << "maps that are found later, too";
}

TEST_F(MriCase, WhereNoCoilSeesAnythingTheImageIsZero) {
  std::vector<MrdLine> lines;
  for (std::int64_t step = 0; step < size; ++step) lines.push_back(line_of(disk_kspace(0.02), step));
  testing_data::write_mrd(path("disk.h5").string(), header().xml(), lines);
  import("disk.h5", "--set estimation.crop=0.9 --set undersampling.acceleration=2 --set undersampling.center_lines=16");
  const at::Tensor maps = MeasurementFile::open(path("m.h5").string()).item(0).arrays.at("coil_maps");
  const at::Tensor unseen = (maps == 0).all(0);
  ASSERT_GT(unseen.sum().item<std::int64_t>(), size * size / 20);
  for (const std::string solver : {"tv_pdhg", "diffpir, steps: 4"}) {
    for (const std::string word : {"two_channels", "phase_from_centre"}) {
      const at::Tensor image = image_of(solver, "--set complex_image=" + word)[0][0];
      EXPECT_EQ((image.abs() * unseen).max().item<double>(), 0) << solver << ", " << word;
    }
  }
}

TEST_F(MriCase, InspectPassesOnWhatImportMade) {
  std::vector<MrdLine> lines;
  for (std::int64_t step = 0; step < size; ++step) lines.push_back(line_of(disk_kspace(0.05), step));
  testing_data::write_mrd(path("disk.h5").string(), header().xml(), lines);
  import("disk.h5", "--set undersampling.acceleration=2");
  const Outputs inspected = recon("inspect m.h5 --check --json");
  EXPECT_EQ(inspected.exit_code, 0) << inspected.out;
  EXPECT_TRUE(inspected.json()["chi2_of_truth"][0]["chi2"].is_number()) << "it is listed";
}

TEST_F(MriCase, ReadoutIsCutAfterTheMapsAreFound) {
  // An object that fills the readout and goes on beyond the field of view that is wanted.
  MrdHeader wide = header();
  wide.row_share = 0.5;
  const at::Tensor maps = simulated_coil_maps({{1, size, size}, ScalarKind::complex}, coils)[0].to(at::kComplexFloat);
  const at::Tensor h = at::linspace(-1, 1, size).view({1, -1}), v = h.t();
  const at::Tensor object = (h.abs() < 0.7).to(at::kFloat) * (1 + 0.5 * at::sin(9 * v)) * (v.abs() < 0.9);
  const at::Tensor kspace = fft2_centred(maps * object) + 0.01 * noise(2);
  std::vector<MrdLine> lines;
  for (std::int64_t step = 0; step < size; ++step) {
    if (step % 2 == 0 || std::abs(step - size / 2) < 9) lines.push_back(line_of(kspace, step));
  }
  testing_data::write_mrd(path("wide.h5").string(), wide.xml(), lines);
  const Outputs imported = import("wide.h5");
  EXPECT_TRUE(contains(notes_of(imported), "the oversampling of the readout is cut: 24 of 48 pixels"));
  EXPECT_GT(psnr_after_scale(image_of("tv_pdhg")[0], object.narrow(0, 12, 24)), 26);
}

TEST_F(MriCase, ComplexImageIsChosenByTheDataAndSaid) {
  const at::Tensor v = at::linspace(-1, 1, size).view({-1, 1}), h = v.t();
  const at::Tensor maps = simulated_coil_maps({{1, size, size}, ScalarKind::complex}, coils)[0].to(at::kComplexFloat);
  for (const bool smooth : {true, false}) {
    const at::Tensor phase = smooth ? 0.8 * v - 0.5 * h : 1.5 * at::sin(14 * h) * at::cos(11 * v);
    const at::Tensor image = at::polar(disk(), phase);
    std::vector<MrdLine> lines;
    for (std::int64_t step = 0; step < size; ++step) {
      if (step % 2 == 0 || std::abs(step - size / 2) < 9) {
        lines.push_back(line_of(fft2_centred(maps * image) + 0.02 * noise(1), step));
      }
    }
    testing_data::write_mrd(path("phase.h5").string(), header().xml(), lines);
    import("phase.h5");
    const Outputs run = recon("run --force m.h5 --json --allow-misfit --set 'solver={type: diffpir, steps: 2}'");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const std::string choice = smooth ? "phase_from_centre" : "two_channels";
    EXPECT_TRUE(contains(run.err, "complex_image " + choice + ": chi²")) << run.err;
    // Solvers that take complex images as they are get them so.
    const Outputs classical = recon("run --force m.h5 --set 'solver={type: tv_pdhg}'");
    EXPECT_FALSE(contains(classical.err, "complex_image")) << classical.err;
    EXPECT_TRUE(read_result_file(path("reconstruction.h5").string()).main.reconstructions.is_complex());
  }
}

TEST_F(MriCase, ColumnsOfZerosAreMaskedAndSaid) {
  for (const std::string name : {"fastmri_zero_padded.h5", "fastmri_undersampled_without_mask.h5"}) {
    write("f.yaml", "input: {files: " + test::source_path("tests/golden/mri_cases/" + name) +
                        ", format: fastmri}\nnoise_std: 1.0e-6\nsolver: {type: tv_pdhg}\noutput: r.h5\n");
    const Outputs run = recon("run --force f.yaml --json");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(contains(run.err, "columns are exactly zero")) << name;
  }
}

}  // namespace
}  // namespace recon
