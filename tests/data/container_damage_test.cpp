// NIfTI, DICOM, .npz, MATLAB, OME-TIFF and NXtomo files that are damaged or cut off.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "data/dicom_file.h"
#include "data/mat_file.h"
#include "data/nifti_file.h"
#include "data/npz_file.h"
#include "data/nxtomo_file.h"
#include "data/tiff_stack.h"
#include "recon/core/error.h"
#include "tests/data/damage.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

std::string container(const std::string& name) { return test::source_path("tests/golden/formats/" + name); }

/// Reads all there is in a file.
void read_all(const std::string& name, const std::string& path) {
  if (name.find(".nii") != std::string::npos) {
    const NiftiFile::Slices slices = NiftiFile::open(path).across(2);
    for (std::int64_t i = 0; i < slices.stored.size(0); ++i) slices.slice(i);
  } else if (name.ends_with(".dcm")) {
    const DicomImages images = DicomImages::open(path);
    for (std::int64_t i = 0; i < images.count(); ++i) images.frame(i);
  } else if (name.ends_with(".npz")) {
    for (const std::string& array : npz_names(path)) read_npz(path, array);
  } else if (name.ends_with(".mat")) {
    for (const MatVariable& variable : mat_variables(path)) {
      if (variable.numbers) read_mat(path, variable.name);
    }
  } else if (name.ends_with(".tif")) {
    const TiffStack stack = TiffStack::open(path);
    for (std::int64_t i = 0; i < stack.count(); ++i) stack.plane(i);
  } else {
    const NxTomoFile scan = NxTomoFile::open(path);
    for (std::int64_t row = 0; row < scan.rows(); ++row) scan.sinogram(row);
  }
}

/// Whether a damaged file is refused; whatever else it throws fails the test.
bool refused(const std::string& name, const std::string& bytes, const fs::path& folder) {
  const std::string path = (folder / name).string();
  std::ofstream(path, std::ios::binary) << bytes;
  try {
    read_all(name, path);
    return false;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
    EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    return true;
  }
}

class DamagedContainer : public testing::TestWithParam<std::pair<std::string, int>> {};

/// Each damaged file is one Error(data) that names it, or numbers; never a crash, a hang, or memory without end.
TEST_P(DamagedContainer, DamageIsAnErrorAndNeverMore) {
  const auto& [name, rounds] = GetParam();
  const fs::path folder = test::scratch_folder();
  const std::string whole = testing_data::file_bytes(container(name));
  ASSERT_FALSE(refused(name, whole, folder)) << name;
  std::mt19937 random(11);
  int count = 0;
  for (int i = 0; i < rounds; ++i) count += refused(name, testing_data::damaged_copy(whole, random), folder) ? 1 : 0;
  EXPECT_GT(count, rounds / 50) << name;
}

TEST_P(DamagedContainer, ACutFileIsRefused) {
  const auto& [name, rounds] = GetParam();
  const fs::path folder = test::scratch_folder();
  const std::string whole = testing_data::file_bytes(container(name));
  const std::size_t cuts = static_cast<std::size_t>(std::max(rounds / 8, 1));
  for (std::size_t i = 0; i < cuts; ++i) {
    const std::size_t length = i * (whole.size() - 9) / cuts;
    if (refused(name, whole.substr(0, length), folder)) continue;
    // MATLAB's files do not say how many variables they have: those before the cut are whole.
    ASSERT_TRUE(name.ends_with(".mat")) << name << " cut to " << length << " bytes";
    for (const MatVariable& variable : mat_variables((folder / name).string())) {
      if (!variable.numbers) continue;
      EXPECT_TRUE(read_mat((folder / name).string(), variable.name)
                      .values.equal(read_mat(container(name), variable.name).values))
          << name << " cut to " << length << " bytes";
    }
  }
}

// HDF5 itself is tried in a child process, which takes its time.
INSTANTIATE_TEST_SUITE_P(All, DamagedContainer,
                         testing::Values(std::pair("slope.nii.gz", 800), std::pair("second_big.nii", 800),
                                         std::pair("ct.dcm", 1500), std::pair("frames_implicit.dcm", 1500),
                                         std::pair("ct_big.dcm", 800), std::pair("arrays.npz", 800),
                                         std::pair("v5.mat", 1500), std::pair("v7.mat", 800), std::pair("v73.mat", 100),
                                         std::pair("stack.ome.tif", 1500), std::pair("imagej.tif", 500),
                                         std::pair("scan.nxs", 100)),
                         [](const auto& one) {
                           std::string name = one.param.first;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace recon
