// Files of scanners, microscopes and other programs through the real program, in and out
// (tests/golden/formats/make_containers.py; read_back.py reads the outputs by the formats' own packages).
#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "data/dicom_file.h"
#include "data/nifti_file.h"
#include "data/npy_file.h"
#include "data/result_file.h"
#include "data/tiff_stack.h"
#include "tests/commands/program.h"
#include "tests/support/python.h"

namespace recon {
namespace {

using nlohmann::json;

class ContainerFiles : public ProgramTest {
 protected:
  static std::string theirs(const std::string& name) { return test::source_path("tests/golden/formats/" + name); }

  /// Least squares with hardly any penalty: what comes out is what went in.
  Outputs denoised(const std::string& file, const std::string& output, const std::string& more = "") const {
    const Outputs got =
        recon(fmt::format("run '{}' --operator '{{type: identity}}' --noise-std 0.0001 --solver "
                          "tikhonov_cg --allow-misfit -q -o {} {}",
                          theirs(file), output, more));
    EXPECT_EQ(got.exit_code, 0) << got.err;
    return got;
  }
};

double furthest(const ImageGeometry& a, const ImageGeometry& b) {
  if (a.affine.has_value() != b.affine.has_value()) return INFINITY;
  double far = 0;
  for (std::size_t i = 0; i < 3; ++i) far = std::max(far, std::abs(a.voxel_mm[i] - b.voxel_mm[i]));
  for (std::size_t i = 0; a.affine && i < 12; ++i) far = std::max(far, std::abs((*a.affine)[i] - (*b.affine)[i]));
  return far;
}

at::Tensor stack_of(const std::string& path) {
  const NiftiFile::Slices slices = NiftiFile::open(path).across(2);
  std::vector<at::Tensor> all;
  for (std::int64_t i = 0; i < slices.stored.size(0); ++i) all.push_back(slices.slice(i));
  return at::stack(all);
}

TEST_F(ContainerFiles, AVolumeComesBackWhereItWasInItsUnits) {
  denoised("slope.nii.gz", "whole.nii.gz");
  denoised("slope.nii.gz", "result.h5");
  const NiftiFile::Slices was = NiftiFile::open(theirs("slope.nii.gz")).across(2);
  EXPECT_LT(furthest(NiftiFile::open(path("whole.nii.gz")).across(2).geometry, was.geometry), 1e-4);
  const at::Tensor values = stack_of(theirs("slope.nii.gz"));
  EXPECT_LT((stack_of(path("whole.nii.gz")) - values).abs().max().item<double>(), 0.1) << "of -440 to 460";
  ASSERT_EQ(recon("export result.h5 -o exported.nii").exit_code, 0);
  EXPECT_LT(furthest(NiftiFile::open(path("exported.nii")).across(2).geometry, was.geometry), 1e-4);
  ASSERT_EQ(recon("export result.h5 -o other.nii --voxel 1,1,5").exit_code, 0);
  EXPECT_FALSE(NiftiFile::open(path("other.nii")).across(2).geometry.affine) << "another size was asked for";
  // One slice, and slices across another axis.
  denoised("slope.nii.gz", "one.nii", "--items 2");
  EXPECT_LT(furthest(NiftiFile::open(path("one.nii")).across(2).geometry, of_slices(was.geometry, {2})), 1e-4);
  denoised("slope.nii.gz", "across.nii", "--set input.axis=x");
  EXPECT_LT(furthest(NiftiFile::open(path("across.nii")).across(2).geometry,
                     NiftiFile::open(theirs("slope.nii.gz")).across(0).geometry),
            1e-4);
  denoised("frames.nii.gz", "frames.nii");
  const ImageGeometry frames = NiftiFile::open(path("frames.nii")).across(2).geometry;
  EXPECT_EQ(frames.slices, 3) << "two volumes";
  EXPECT_NEAR(frames.frame_s, 1.75, 1e-6);
}

TEST_F(ContainerFiles, ALargerImageHasSmallerPixels) {
  const Outputs got = recon(
      fmt::format("run '{}' --operator '{{type: super_resolution, factor: 2}}' --noise-std 5 --solver tikhonov_cg "
                  "--allow-misfit -q -o fine.nii",
                  theirs("big.nii")));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const ImageGeometry was = NiftiFile::open(theirs("big.nii")).across(2).geometry;
  const ImageGeometry is = NiftiFile::open(path("fine.nii")).across(2).geometry;
  EXPECT_EQ(is.width, 2 * was.width);
  EXPECT_LT(furthest(is, on_grid(was, 2 * was.height, 2 * was.width)), 1e-4);
}

TEST_F(ContainerFiles, ASeriesOfCtStaysInHounsfieldUnits) {
  denoised("series", "ct.nii.gz");
  const NiftiFile::Slices back = NiftiFile::open(path("ct.nii.gz")).across(2);
  const DicomImages images = DicomImages::open(theirs("series"));
  EXPECT_LT(furthest(back.geometry, *images.geometry()), 1e-4);
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_LT((back.slice(i) - images.frame(i)).abs().max().item<double>(), 0.5) << i;
  }
  denoised("series", "ct.h5", "--items a");
  EXPECT_EQ(read_result_file(path("ct.h5")).ids, std::vector<std::string>{"a"});
  EXPECT_EQ(read_result_file(path("ct.h5")).range, (ImageRange{-1000, 1000}));
  const json folder = recon(fmt::format("inspect '{}' --json", theirs("series"))).json();
  EXPECT_EQ(folder["format"], "dicom");
  EXPECT_EQ(folder["items"], 4);
  EXPECT_EQ(folder["units"], "Hounsfield units");
  // The files one by one, in a batch.
  write("batch.yaml", fmt::format("input: {{files: '{}/*.dcm', format: dicom, operator: {{type: identity}}}}\n"
                                  "noise_std: 5\nsolver: {{type: tikhonov_cg}}\noutput: {{path: all.h5}}\n",
                                  theirs("series")));
  const Outputs batch = recon("batch batch.yaml -q --allow-misfit");
  ASSERT_EQ(batch.exit_code, 0) << batch.err;
  EXPECT_EQ(read_result_file(path("all.h5")).ids, (std::vector<std::string>{"a/0", "b/0", "c/0", "d/0"}));
}

TEST_F(ContainerFiles, KernelsAndMasksComeFromArraysOfOtherPrograms) {
  const auto kernel = [&](const std::string& reference) {
    const Outputs got =
        recon(fmt::format("inspect --operator '{{type: blur, kernel: {}}}' --image 1,16,16 --json", reference));
    EXPECT_EQ(got.exit_code, 0) << got.err;
    return got.exit_code == 0 ? got.json()["range"].dump() : "";
  };
  const std::string expected = kernel("[[1, 2, 1], [2, 4, 2], [1, 2, 1]]");
  EXPECT_EQ(kernel(fmt::format("{{file: {}}}", theirs("kernel.mat"))), expected);
  EXPECT_EQ(kernel(fmt::format("{{file: {}, variable: h}}", theirs("v73.mat"))), expected);
  EXPECT_EQ(kernel(fmt::format("{{file: {}, dataset: image}}", theirs("arrays.npz"))), expected);
  const Outputs none = recon(fmt::format(
      "inspect --operator '{{type: blur, kernel: {{file: {}, variable: psf}}}}' --image 1,16,16", theirs("v7.mat")));
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_TRUE(contains(none.err, "no variable 'psf'") && contains(none.err, "stack")) << none.err;
}

TEST_F(ContainerFiles, AVariableOfSeveralIsChosenByName) {
  const json found = recon(fmt::format("inspect '{}' --json", theirs("v7.mat"))).json();
  EXPECT_EQ(found["contents"]["stack"], "uint16 [6, 5, 3]");
  EXPECT_TRUE(contains(found["config"].get<std::string>(), "variable: ")) << found;
  write("run.yaml", fmt::format("input: {{files: '{}', format: mat, variable: stack, operator: {{type: identity}}}}\n"
                                "noise_std: 0.01\nsolver: {{type: tikhonov_cg}}\n",
                                theirs("v7.mat")));
  const Outputs got = recon("run run.yaml -q --allow-misfit -o stack.npy");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(read_npy(path("stack.npy")).values.sizes().vec(), (Shape{3, 1, 6, 5})) << "the last index counts items";
  const Outputs unsaid = recon(fmt::format("run '{}' --operator '{{type: identity}}'", theirs("v7.mat")));
  EXPECT_EQ(unsaid.exit_code, 3);
  EXPECT_TRUE(contains(unsaid.err, "several variables") && contains(unsaid.err, "variable: NAME")) << unsaid.err;
}

TEST_F(ContainerFiles, AStackOfAMicroscopeKeepsItsVoxels) {
  denoised("stack.ome.tif", "gfp.ome.tif", "--set 'input.channel=\"GFP & more\"'");
  const TiffStack back = TiffStack::open(path("gfp.ome.tif"));
  const TiffStack was = TiffStack::open(theirs("stack.ome.tif"), "1");
  ASSERT_EQ(back.count(), was.count());
  EXPECT_LT(furthest(*back.geometry(), *was.geometry()), 1e-9);
  EXPECT_LT((back.plane(4) - was.plane(4) / 4095).abs().max().item<double>(), 1e-3) << "12 bits are full scale";
  const json found = recon(fmt::format("inspect '{}' --json", theirs("imagej.tif"))).json();
  EXPECT_EQ(found["format"], "tiff_stack");
  EXPECT_EQ(found["described_by"], "ImageJ");
}

// A disc of known attenuation: two rows of the detector, 0.06 and 0.12 a pixel of 0.05 mm.
TEST_F(ContainerFiles, AScanNeedsNoConfig) {
  const json found = recon(fmt::format("inspect '{}' --json", theirs("scan.nxs"))).json();
  EXPECT_EQ(found["format"], "nxtomo");
  EXPECT_TRUE(contains(found["rotation_axis"].get<std::string>(), "1.50 pixels")) << found;
  EXPECT_EQ(found["units"], "attenuation per mm");
  const Outputs got = recon(fmt::format("run '{}' --solver tv_pdhg --json -q -o disc.nii", theirs("scan.nxs")));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const NiftiFile::Slices slices = NiftiFile::open(path("disc.nii")).across(2);
  EXPECT_NEAR(slices.geometry.voxel_mm[0], 0.05, 1e-6);
  for (std::int64_t row = 0; row < 2; ++row) {
    // Around (5, 3) from the middle, y upwards.
    const at::Tensor inside = slices.slice(row).slice(0, 13, 21).slice(1, 21, 29);
    const double attenuation = 1.2 * static_cast<double>(row + 1);
    EXPECT_NEAR(inside.mean().item<double>(), attenuation, 0.05 * attenuation) << row;
    EXPECT_NEAR(got.json()["items"][static_cast<std::size_t>(row)]["chi2"].get<double>(), 1, 0.25) << row;
  }
  // What a prior sees is about 1, whatever the unit of the file is: that of the middle item, here the second.
  ASSERT_EQ(
      recon(fmt::format("run '{}' --solver fbp --items 0 -q --allow-misfit -o disc.h5", theirs("scan.nxs"))).exit_code,
      0);
  const ResultSet set = read_result_file(path("disc.h5"));
  EXPECT_NEAR(set.main.reconstructions[0][0].slice(0, 13, 21).slice(1, 21, 29).mean().item<double>(), 0.5, 0.1);
  EXPECT_NEAR(1 / set.scale.front(), 2.4, 0.4) << "per mm";
  // A level of one's own takes the place of the file's; the dead pixel stays one.
  write("own.yaml", fmt::format("input: {{files: '{}', format: nxtomo, slices: '1:', noise: {{std: 0.5}}}}\n"
                                "solver: {{type: tikhonov_cg}}\n",
                                theirs("scan.nxs")));
  const Outputs own = recon("run own.yaml -q --allow-misfit -o own.h5");
  EXPECT_EQ(own.exit_code, 0) << own.err;
  EXPECT_EQ(recon(fmt::format("run '{}' --set input.axis_offset_px=x", theirs("scan.nxs"))).exit_code, 2);
}

TEST_F(ContainerFiles, EveryFormatIsListed) {
  const Outputs listed = recon("list formats");
  for (const char* name : {"nifti", "dicom", "npz", "mat", "tiff_stack", "nxtomo"}) {
    EXPECT_TRUE(contains(listed.out, name));
  }
}

/// What is written for each format is read by the package of that format. Needs a Python with them: $RECON_PYTHON.
TEST_F(ContainerFiles, TheirOwnPackagesReadWhatIsWritten) {
  const std::string python = test::python(), packages = "astropy h5py ismrmrd nibabel pydicom scipy tifffile";
  if (!test::python_has(packages)) {
    GTEST_SKIP() << python << " lacks one of " << packages << "; set RECON_PYTHON to one that has them";
  }
  for (const std::string name : {"slope.nii.gz", "second_big.nii", "complex64.nii", "frames.nii.gz"}) {
    denoised(name, "of_" + name);
  }
  denoised("series", "of_series.nii.gz");
  denoised("stack.ome.tif", "of_stack.ome.tif", "--set input.channel=DAPI");
  denoised("packed.npz", "of_packed.npy");
  denoised("image.fits", "of_image.fits");
  denoised("float32.npy", "of_float32.npy");
  denoised("v5.mat", "of_v5.npy", "--set input.variable=h");
  denoised("v73.mat", "of_v73.h5", "--set input.variable=h");
  const Outputs wrote = shell(fmt::format("{} '{}' mrd.h5", python, theirs("write_mrd.py")));
  ASSERT_EQ(wrote.exit_code, 0) << wrote.err;
  for (const char* step : {"import mrd.h5 -o m.h5", "run m.h5 --solver tikhonov_cg --allow-misfit -q -o of_mrd.h5",
                           "export of_mrd.h5 -o of_mrd.nii"}) {
    const Outputs done = recon(step);
    ASSERT_EQ(done.exit_code, 0) << step << done.err;
  }
  const Outputs scan = recon(fmt::format("run '{}' --solver tv_pdhg -q -o of_scan.nii", theirs("scan.nxs")));
  EXPECT_EQ(scan.exit_code, 0) << scan.err;
  const Outputs read = shell(fmt::format("{} '{}' '{}'", python, theirs("read_back.py"), path("").string()));
  EXPECT_EQ(read.exit_code, 0) << read.out << read.err;
}

}  // namespace
}  // namespace recon
