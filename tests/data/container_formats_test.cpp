// NIfTI, DICOM, .npz, MATLAB, OME-TIFF and NXtomo files as their own Python packages write them
// (tests/golden/formats/make_containers.py), and damaged ones.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>

#include "data/array_axes.h"
#include "data/array_file.h"
#include "data/dicom_file.h"
#include "data/image_source.h"
#include "data/mat_file.h"
#include "data/nifti_file.h"
#include "data/npz_file.h"
#include "data/nxtomo_file.h"
#include "data/tiff_stack.h"
#include "recon/core/error.h"
#include "tests/data/damage.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

std::string container(const std::string& name) { return test::source_path("tests/golden/formats/" + name); }

const nlohmann::json& contents() {
  static const nlohmann::json all = nlohmann::json::parse(std::ifstream(container("containers.json")));
  return all;
}

/// What Python read: float64, or complex128.
at::Tensor python_array(const nlohmann::json& stored) {
  const auto part = [&](std::size_t i) {
    return at::tensor(stored["parts"][i].get<std::vector<double>>(), at::kDouble)
        .reshape(stored["shape"].get<std::vector<std::int64_t>>());
  };
  return stored["parts"].size() == 2 ? at::complex(part(0), part(1)) : part(0);
}

std::string said(const std::function<void()>& work) { return test::complaint(work); }

/// All slices across z as [slices, y, x].
at::Tensor all_slices(const NiftiFile::Slices& slices) {
  std::vector<at::Tensor> all;
  for (std::int64_t i = 0; i < slices.stored.size(0); ++i) all.push_back(slices.slice(i));
  return at::stack(all);
}

TEST(NiftiFiles, EveryKindOfNumberAndByteOrderIsRead) {
  for (const std::string name :
       {"slope.nii.gz", "big.nii", "second.nii", "second_big.nii", "int8.nii", "uint8.nii", "uint32.nii", "int64.nii",
        "uint64.nii", "float64.nii", "complex64.nii", "complex128.nii", "frames.nii.gz"}) {
    EXPECT_TRUE(is_nifti(container(name))) << name;
    const NiftiFile::Slices slices = NiftiFile::open(container(name)).across(2);
    at::Tensor python = python_array(contents()[name]);
    python = python.reshape({-1, python.size(-2), python.size(-1)});
    EXPECT_TRUE(all_slices(slices).equal(python)) << name;
    const auto affine = contents()[name]["affine"];
    ASSERT_TRUE(slices.geometry.affine) << name;
    for (std::size_t row = 0; row < 3; ++row) {
      for (std::size_t column = 0; column < 4; ++column) {
        EXPECT_NEAR((*slices.geometry.affine)[4 * row + column], affine[row][column].get<double>(), 1e-5) << name;
      }
    }
    for (std::size_t axis = 0; axis < 3; ++axis) {
      EXPECT_NEAR(slices.geometry.voxel_mm[axis], contents()[name]["zooms"][axis].get<double>(), 1e-6) << name;
    }
  }
  EXPECT_NEAR(NiftiFile::open(container("frames.nii.gz")).across(2).geometry.frame_s, 1.75, 1e-6);
  EXPECT_EQ(NiftiFile::open(container("frames.nii.gz")).across(2).geometry.slices, 3);
}

// A point of the volume has one place, whichever axis it is cut across.
TEST(NiftiFiles, SlicesAcrossOtherAxesKeepTheirPlace) {
  const NiftiFile file = NiftiFile::open(container("slope.nii.gz"));
  const at::Tensor volume = all_slices(file.across(2));  // [z, y, x]
  const std::array<std::int64_t, 3> point = {3, 1, 2};   // x, y, z
  const auto place = [](const NiftiFile::Slices& slices, double column, double row, double slice) {
    std::array<double, 3> mm{};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto& a = *slices.geometry.affine;
      mm[i] = a[4 * i] * column + a[4 * i + 1] * row + a[4 * i + 2] * slice + a[4 * i + 3];
    }
    return mm;
  };
  const auto whole = place(file.across(2), 3, 1, 2);
  const double value = volume[point[2]][point[1]][point[0]].item<double>();
  const auto x = file.across(0), y = file.across(1);
  EXPECT_EQ(x.slice(3)[2][1].item<double>(), value) << "y along W, z down H";
  EXPECT_EQ(y.slice(1)[2][3].item<double>(), value) << "x along W, z down H";
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(place(x, 1, 2, 3)[i], whole[i], 1e-9);
    EXPECT_NEAR(place(y, 3, 2, 1)[i], whole[i], 1e-9);
  }
}

TEST(NiftiFiles, WhatIsWrittenIsReadWithItsPlace) {
  const fs::path folder = test::scratch_folder();
  for (const std::string name : {"slope.nii.gz", "frames.nii.gz", "complex64.nii"}) {
    const NiftiFile::Slices slices = NiftiFile::open(container(name)).across(2);
    const std::string path = (folder / "out.nii.gz").string();
    const at::Tensor stack = all_slices(slices);
    write_nifti(path, stack, slices.geometry);
    const NiftiFile::Slices back = NiftiFile::open(path).across(2);
    EXPECT_TRUE(all_slices(back).equal(stack)) << name;
    EXPECT_EQ(back.geometry.slices, slices.geometry.slices) << name;
    EXPECT_NEAR(back.geometry.frame_s, slices.geometry.frame_s, 1e-6) << name;
    for (std::size_t i = 0; i < 12; ++i) {
      EXPECT_NEAR((*back.geometry.affine)[i], (*slices.geometry.affine)[i], 1e-5) << name;
    }
  }
}

TEST(NiftiFiles, WhatHoldsNoNumbersIsNamed) {
  test::expect_says(said([] { NiftiFile::open(container("colours.nii")); }), {"colours.nii", "colours"});
  const fs::path folder = test::scratch_folder();
  std::string bytes = testing_data::file_bytes(container("big.nii"));
  bytes.replace(344, 3, "ni1");
  std::ofstream((folder / "half.nii").string(), std::ios::binary) << bytes;
  test::expect_says(said([&] { NiftiFile::open((folder / "half.nii").string()); }), {"half.nii", ".hdr and .img"});
}

TEST(ImageGeometries, PartsOfAStackKeepTheirPlace) {
  ImageGeometry whole{.voxel_mm = {2, 3, 4}, .affine = std::array<double, 12>{2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30}};
  whole.height = 8;
  whole.width = 6;
  const ImageGeometry some = of_slices(whole, {3, 5, 7});
  EXPECT_EQ((*some.affine)[11], 30 + 3 * 4.0);
  EXPECT_EQ(some.voxel_mm[2], 8);
  EXPECT_EQ((*some.affine)[10], 8);
  EXPECT_FALSE(of_slices(whole, {3, 4, 7}).affine) << "not equally far apart";
  whole.slices = 4;  // volumes of four
  EXPECT_FALSE(of_slices(whole, {2, 3, 4}).affine) << "of two volumes";
  EXPECT_EQ((*of_slices(whole, {5, 6}).affine)[11], 30 + 4.0) << "the second of its volume";
  EXPECT_EQ(of_slices(whole, {4, 5, 6, 7}).slices, 4) << "a whole volume";
  const ImageGeometry fine = on_grid(whole, 16, 12);
  EXPECT_EQ(fine.voxel_mm[0], 1);
  EXPECT_EQ((*fine.affine)[3], 10 - 0.5) << "the edge of the image stays where it is";
  EXPECT_EQ((*fine.affine)[7], 20 - 0.75);
}

/// All frames as [N, H, W].
at::Tensor all_frames(const DicomImages& images) {
  std::vector<at::Tensor> all;
  for (std::int64_t i = 0; i < images.count(); ++i) all.push_back(images.frame(i));
  return at::stack(all);
}

TEST(DicomFiles, EveryTransferSyntaxAndKindOfPixelIsRead) {
  for (const std::string name : {"ct.dcm", "ct_implicit.dcm", "ct_big.dcm", "mr.dcm", "white_is_low.dcm",
                                 "counts32.dcm", "frames.dcm", "frames_implicit.dcm"}) {
    EXPECT_TRUE(is_dicom(container(name))) << name;
    const DicomImages images = DicomImages::open(container(name));
    EXPECT_TRUE(all_frames(images).equal(python_array(contents()[name]))) << name;
    EXPECT_EQ(images.hounsfield(), name.starts_with("ct")) << name;
  }
}

TEST(DicomFiles, TheFilesOfAFolderAreSlicesInTheirOrder) {
  ASSERT_TRUE(is_dicom_folder(container("series")));
  const DicomImages images = DicomImages::open(container("series"));
  EXPECT_TRUE(all_frames(images).equal(python_array(contents()["series"])));
  EXPECT_EQ(images.ids(), (std::vector<std::string>{"b", "a", "d", "c"}));
  const auto& affine = images.geometry()->affine;
  ASSERT_TRUE(affine);
  // Columns run to the left, rows to the back, slices upwards.
  const std::array<double, 12> expected = {-0.5, 0, 0, 10, 0, -0.7, 0, -4, 0, 0, 2.5, 30};
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR((*affine)[i], expected[i], 1e-9) << i;
  const ImageSource source = ImageSource::open(container("series"));
  EXPECT_EQ(source.count(), 4);
  EXPECT_TRUE(source.image(1)[0].to(at::kDouble).equal(images.frame(1)));
}

TEST(DicomFiles, FramesHaveTheirOwnPlaces) {
  const DicomImages images = DicomImages::open(container("frames.dcm"));
  const auto& geometry = images.geometry();
  ASSERT_TRUE(geometry && geometry->affine);
  EXPECT_NEAR(geometry->voxel_mm[0], 0.8, 1e-12);
  EXPECT_NEAR(geometry->voxel_mm[1], 0.9, 1e-12);
  EXPECT_NEAR(geometry->voxel_mm[2], 3, 1e-12);
  const std::array<double, 12> expected = {0, 0, -3, 0, -0.8, 0, 0, 20, 0, -0.9, 0, 60};
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR((*geometry->affine)[i], expected[i], 1e-9) << i;
}

TEST(DicomFiles, WhatCannotBeReadSaysWhatToDo) {
  test::expect_says(said([] { DicomImages::open(container("rle.dcm")); }), {"rle.dcm", "compressed", "dcmdrle IN OUT"});
  test::expect_says(said([] { DicomImages::open(container("rgb.dcm")); }), {"rgb.dcm", "grey", "RGB"});
  test::expect_says(said([] { DicomImages::open(container("big.nii")); }), {"big.nii", "DICM"});
  const fs::path folder = test::scratch_folder();
  fs::copy_file(container("ct.dcm"), folder / "one.dcm");
  std::string other = testing_data::file_bytes(container("mr.dcm"));
  const std::size_t at = other.find(std::string("1.2.3.4\0", 8));
  ASSERT_NE(at, std::string::npos);
  other.replace(at, 7, "1.2.3.9");
  std::ofstream((folder / "two.dcm").string(), std::ios::binary) << other;
  test::expect_says(said([&] { DicomImages::open(folder.string()); }), {"2 series", "CT", "MR", "series:"});
  EXPECT_EQ(DicomImages::open(folder.string(), "1.2.3.9").modality(), "MR");
  test::expect_says(said([&] { DicomImages::open(folder.string(), "7"); }), {"no series '7'"});
}

TEST(ArrayFiles, ArraysOfNumpyAreReadByName) {
  EXPECT_EQ(npz_names(container("arrays.npz")), (std::vector<std::string>{"image", "stack", "mask"}));
  for (const std::string name : {"image", "stack", "mask"}) {
    const StoredArray array = read_npz(container("arrays.npz"), name);
    EXPECT_TRUE(array.values.to(at::kDouble).equal(python_array(contents()["arrays.npz"][name]))) << name;
    EXPECT_EQ(array.full_scale, name == "stack" ? 65535 : 1) << name;
  }
  EXPECT_TRUE(read_npz(container("packed.npz"), "")
                  .values.to(at::kDouble)
                  .equal(python_array(contents()["packed.npz"]["image"])));
  test::expect_says(said([] { read_npz(container("arrays.npz"), ""); }),
                    {"several", "image, stack, mask", "variable:"});
  test::expect_says(said([] { read_npz(container("arrays.npz"), "h"); }), {"no array 'h'"});
}

TEST(ArrayFiles, VariablesOfMatlabAreReadByName) {
  for (const std::string file : {"v5.mat", "v7.mat", "v73.mat"}) {
    EXPECT_TRUE(is_mat(container(file))) << file;
    for (const auto& [name, stored] : contents()[file].items()) {
      const StoredArray array = read_mat(container(file), name);
      const at::Tensor python = python_array(stored);
      const at::Tensor values = array.values.to(array.values.is_complex() ? at::kComplexDouble : at::kDouble);
      EXPECT_TRUE(values.equal(python)) << file << " " << name;
      EXPECT_EQ(array.full_scale, name == "stack" ? 65535 : 1) << file << " " << name;
    }
    test::expect_says(said([&] { read_mat(container(file), ""); }), {file, "several", "variable:"});
    test::expect_says(said([&] { read_mat(container(file), "H"); }), {file, "no variable 'H'", "stack"});
    test::expect_says(said([&] { read_mat(container(file), "s"); }), {file, "struct", "-struct"});
    test::expect_says(said([&] { read_mat(container(file), "name"); }), {file, "char"});
  }
  test::expect_says(said([] { read_mat(container("v7.mat"), "sparse"); }), {"sparse", "full(...)"});
  test::expect_says(said([] { read_mat(container("v4.mat"), "h"); }), {"v4.mat", "-v7"});
  EXPECT_TRUE(read_mat(container("v73.mat"), "s/h").values.equal(read_mat(container("v73.mat"), "h").values));
}

TEST(ArrayFiles, AxesAreThoseOfTheProgram) {
  const auto items = [](const std::string& file, const std::string& name, const std::vector<std::string>& axes) {
    return items_of_array(read_array_file(container(file), name).values, axes, usual_axes_of(container(file)), file);
  };
  const at::Tensor numpy = items("arrays.npz", "stack", {}), matlab = items("v7.mat", "stack", {});
  EXPECT_EQ(numpy.sizes().vec(), (Shape{3, 1, 6, 5}));
  EXPECT_TRUE(numpy.equal(matlab)) << "MATLAB's last index counts the items";
  EXPECT_TRUE(items("v7.mat", "stack", {"y", "x", "channel"}).equal(numpy.transpose(0, 1)));
  test::expect_says(said([&] { items("v7.mat", "stack", {"y", "x", "z"}); }), {"[y, x, z]"});
  test::expect_says(said([&] { items("v7.mat", "stack", {"y", "x", "complex"}); }), {"two entries", "complex"});
}

TEST(TiffStacks, PlanesAreFoundByTheirAxes) {
  for (const std::string name : {"stack.ome.tif", "imagej.tif"}) {
    EXPECT_TRUE(is_tiff_stack(container(name))) << name;
    const TiffStack stack = TiffStack::open(container(name));
    const at::Tensor python = python_array(contents()[name]).reshape({-1, 6, 5});  // c, t, z
    ASSERT_EQ(stack.count(), 12) << name;
    for (std::int64_t i = 0; i < 12; ++i) EXPECT_TRUE(stack.plane(i)[0].equal(python[i])) << name << " " << i;
    const bool ome = name == "stack.ome.tif";
    EXPECT_EQ(stack.ids()[7], ome ? "GFP & more_t0_z1" : "1_t0_z1");
    EXPECT_EQ(stack.full_scale(), ome ? 4095 : 65535) << "SignificantBits";
    ASSERT_TRUE(stack.geometry()) << name;
    const VoxelSize expected = ome ? VoxelSize{0.11e-3, 0.12e-3, 0.5e-3} : VoxelSize{1e-4, 1.25e-4, 0.75e-3};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      EXPECT_NEAR(stack.geometry()->voxel_mm[axis], expected[axis], 1e-9) << name;
    }
    EXPECT_EQ(stack.geometry()->frame_s, ome ? 3.5 : 2.0);
    EXPECT_EQ(TiffStack::open(container(name), "1").ids().front(), "t0_z0");
    EXPECT_TRUE(TiffStack::open(container(name), ome ? "GFP & more" : "1").plane(0)[0].equal(python[6])) << name;
    test::expect_says(said([&] { TiffStack::open(container(name), "RFP"); }), {"no channel 'RFP'"});
  }
  const TiffStack signed_stack = TiffStack::open(container("signed.ome.tif"));
  EXPECT_TRUE(signed_stack.plane(2)[0].equal(python_array(contents()["signed.ome.tif"])[2])) << "as they are stored";
  EXPECT_FALSE(is_tiff_stack(test::source_path("tests/golden/field_cases/st5.tif"))) << "plain pages are pictures";
  test::expect_says(said([] { TiffStack::open(container("elsewhere.ome.tif")); }), {"other.ome.tif", "one file"});
}

TEST(NxTomoFiles, AScanBecomesLineIntegralsWithTheirNoise) {
  for (const std::string name : {"scan.nxs", "scan_edge.nxs", "scan_silent.nxs"}) {
    ASSERT_TRUE(is_nxtomo(container(name))) << name;
    const NxTomoFile scan = NxTomoFile::open(container(name));
    const auto& truth = contents()[name];
    const double axis = truth["axis"].get<double>();
    EXPECT_NEAR(scan.axis_offset_px(), axis, name == "scan_silent.nxs" ? 0.15 : 1e-9) << name << scan.axis_source();
    EXPECT_NEAR(scan.counts_per_photon(), 4, 0.8) << name << ": eight flat fields of 80 pixels";
    const at::Tensor angles = at::tensor(truth["angles"].get<std::vector<double>>(), at::kDouble);
    EXPECT_TRUE(at::allclose(scan.angles_deg(), angles, 0, 1e-9)) << name;
    const at::Tensor turn = angles * (std::numbers::pi / 180);
    const at::Tensor middle = (5 * turn.cos() + 3 * turn.sin()).unsqueeze(1);
    const at::Tensor t = at::arange(40, at::kDouble) - 19.5 - axis;
    const at::Tensor chord = 2 * (64 - (t - middle).square()).clamp_min(0).sqrt();
    for (std::int64_t row = 0; row < 2; ++row) {
      const at::Tensor y = scan.sinogram(row), std = scan.std_map(row);
      const at::Tensor measured = at::isfinite(std);
      EXPECT_EQ(measured.logical_not().sum().item<std::int64_t>(), row == 1 ? y.size(0) : 0) << "the dead pixel";
      const at::Tensor integral = chord * 0.06 * static_cast<double>(row + 1) / 0.05;  // a pixel is 0.05 mm
      const double chi2 = ((y - integral) / std).square().masked_select(measured).mean().item<double>();
      EXPECT_NEAR(chi2, 1, 0.2) << name << " row " << row;
    }
  }
  EXPECT_EQ(NxTomoFile::open(container("scan.nxs"), {.axis_offset_px = -3}).axis_offset_px(), -3);
  EXPECT_EQ(NxTomoFile::open(container("scan.nxs"), {.counts_per_photon = 2}).counts_per_photon(), 2);
}

// Packed bytes must not be read as counts: HDF5 itself would, and beyond the end of each chunk.
TEST(NxTomoFiles, AScanWhoseFilterIsLostIsRefused) {
  std::string bytes = testing_data::file_bytes(container("scan.nxs"));
  constexpr std::size_t filter_message = 10688;  // its type, 11, becomes one that HDF5 passes over
  ASSERT_EQ(bytes.at(filter_message), '\x0B') << "scan.nxs was made again: find the byte by h5debug";
  bytes[filter_message] = '\x74';
  const std::string path = (test::scratch_folder() / "lost.nxs").string();
  std::ofstream(path, std::ios::binary) << bytes;
  test::expect_says(said([&] { NxTomoFile::open(path); }), {"lost.nxs", "expected chunks of 160 bytes"});
}

}  // namespace
}  // namespace recon
