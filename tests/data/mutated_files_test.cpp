// Twenty thousand mutated files of each format: one error or an array, never a crash or a hang; and what a mutated file
// gives is what the format's own package reads from it (tests/golden/formats/judge_mutated.py, with RECON_PYTHON).
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <iostream>

#include "data/array_file.h"
#include "data/dicom_file.h"
#include "data/fits_file.h"
#include "data/kspace_file.h"
#include "data/npy_file.h"
#include "data/nxtomo_file.h"
#include "data/raw_mosaic.h"
#include "data/tiff_file.h"
#include "data/tiff_stack.h"
#include "tests/data/damage.h"
#include "tests/data/ismrmrd_writer.h"
#include "tests/support/python.h"

namespace recon {
namespace {

using namespace testing_data;

using Arrays = std::vector<at::Tensor>;
using ReadArrays = std::function<Arrays(const std::string&)>;

struct MutatedFormat {
  std::string name, ending;
  std::vector<std::string> files;
  ReadArrays read;
  std::string package = {};  ///< of Python, which judges what was read; empty: nobody does
};

Arrays fits_arrays(const std::string& path) {
  Arrays all;
  for (const FitsImage& image : read_fits(path)) all.push_back(image.values);
  return all;
}

Arrays dicom_arrays(const std::string& path) {
  const DicomImages images = DicomImages::open(path);
  Arrays all;
  for (std::int64_t i = 0; i < images.count(); ++i) all.push_back(images.frame(i));
  return all;
}

Arrays nxtomo_arrays(const std::string& path) {
  const NxTomoFile scan = NxTomoFile::open(path);
  Arrays all = {scan.angles_deg()};
  for (std::int64_t row = 0; row < scan.rows(); ++row) {
    all.push_back(scan.sinogram(row));
    all.push_back(scan.std_map(row));
  }
  return all;
}

Arrays tiff_arrays(const std::string& path) {
  const TiffFile file(path);
  Arrays all;
  for (std::int64_t page = 0; page < file.pages(); ++page) all.push_back(file.read(page, 1 << 22).planes);
  if (is_tiff_stack(path)) {  // the same pages, by what the description says of them
    const TiffStack stack = TiffStack::open(path);
    for (std::int64_t i = 0; i < stack.count(); ++i) stack.plane(i);
  }
  return all;
}

Arrays raw_arrays(const std::string& path) {
  const RawMosaic mosaic = read_raw_mosaic(path);
  return {mosaic.values, at::tensor(std::vector<double>(mosaic.balance.begin(), mosaic.balance.end()), at::kDouble)};
}

Arrays trajectory_arrays(const std::string& path) {
  const KspaceSet set = read_kspace(path);
  return {at::view_as_real(set.kspace), set.positions};
}

std::vector<MutatedFormat> mutated_formats() {
  const auto of = [](const char* folder, const std::vector<std::string>& names) {
    std::vector<std::string> files;
    for (const auto& name : names) files.push_back(test::source_path(std::string("tests/golden/") + folder + name));
    return files;
  };
  std::vector<std::string> tiffs = of("formats/", {"stack.ome.tif", "imagej.tif", "signed.ome.tif"});
  for (const auto& file : of("data/", {"gray16.tiff", "gray_float.tiff", "rgb16.tiff", "int32.tiff"})) {
    tiffs.push_back(file);
  }
  for (const auto& file :
       of("field_cases/", {"12bit.tif", "big_endian_big.tif", "deflate_float.tif", "lzw_tiles.tif", "palette.tif"})) {
    tiffs.push_back(file);
  }
  return {{"npy", ".npy",
           of("formats/", {"float64_fortran.npy", "float32_big.npy", "complex64.npy", "complex128_big.npy", "uint8.npy",
                           "uint16_big.npy", "int64.npy", "bool.npy", "float16.npy"}),
           [](const std::string& path) { return Arrays{read_npy(path).values}; }, "numpy"},
          {"fits", ".fits", of("formats/", {"image.fits", "image.fits", "image.fits", "cube.fits.gz"}), fits_arrays,
           "astropy"},
          {"dicom", ".dcm",
           of("formats/", {"ct.dcm", "ct_big.dcm", "ct_implicit.dcm", "frames.dcm", "frames_implicit.dcm", "mr.dcm",
                           "counts32.dcm", "white_is_low.dcm"}),
           dicom_arrays, "pydicom"},
          {"tiff", ".tif", tiffs, tiff_arrays, "tifffile"},
          {"nxtomo", ".nxs", of("formats/", {"scan.nxs", "scan_edge.nxs", "scan_silent.nxs"}), nxtomo_arrays, "h5py"},
          {"raw", ".dng", of("formats/", {"mosaic.dng", "turned.dng"}), raw_arrays, "tifffile"}};
}

/// The bytes and shape of all arrays as float64, as judge_mutated.py reads them.
std::string written_arrays(const Arrays& arrays) {
  std::string text;
  for (const at::Tensor& array : arrays) {
    const at::Tensor parts = array.is_complex() ? at::view_as_real(resolved(array)) : array;
    const at::Tensor plain = resolved(parts.to(at::kDouble).contiguous());
    text += to_string(shape_of(plain)) + "\n" +
            std::string(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes());
  }
  return text;
}

/// As damaged_copy(), but every second time where the file says something: its bytes other than blanks and zeros.
std::string mutated_copy(const std::string& whole, const std::vector<std::size_t>& telling, std::mt19937& random) {
  if (random() % 2 == 0) return damaged_copy(whole, random);
  std::string bytes = whole;
  for (unsigned k = 0; k <= random() % 3; ++k) {
    char& byte = bytes[telling[random() % telling.size()]];
    const auto kind = random() % 4;
    if (kind == 0) {
      byte = static_cast<char>(random() % 256);
    } else if (kind == 1) {
      byte = static_cast<char>(byte ^ static_cast<char>(1U << random() % 8));
    } else {
      byte = whole[telling[random() % telling.size()]];  // a digit becomes a digit, often enough
    }
  }
  return bytes;
}

class Mutated : public Damage {
 protected:
  /// `rounds` mutants, spread over the format's files. Those that are read as something else are kept for the judge.
  Outcomes mutate(const MutatedFormat& format, int rounds, unsigned seed) {
    const std::string kept = path("kept");
    std::filesystem::create_directories(kept);
    std::mt19937 random(seed);
    Outcomes all;
    for (std::size_t f = 0; f < format.files.size(); ++f) {
      const std::string whole = file_bytes(format.files[f]);
      std::vector<std::size_t> telling;
      for (std::size_t i = 0; i < whole.size(); ++i) {
        if (whole[i] != 0 && whole[i] != ' ') telling.push_back(i);
      }
      std::string found;
      const auto read = [&](const std::string& file) { return found = written_arrays(format.read(file)); };
      const std::string of_whole = read(format.files[f]);
      const int share = rounds / static_cast<int>(format.files.size()) +
                        (static_cast<int>(f) < rounds % static_cast<int>(format.files.size()) ? 1 : 0);
      for (int round = 0; round < share; ++round) {
        const std::string bytes = mutated_copy(whole, telling, random);
        const Outcomes one = judge(bytes, of_whole, read);
        if (one.different > 0 && !format.package.empty()) {
          const std::string name = kept + fmt::format("/{}_{:05}", f, round);
          std::ofstream(name + format.ending, std::ios::binary) << bytes;
          std::ofstream(name + ".read", std::ios::binary) << found;
        }
        all += one;
      }
    }
    std::cout << fmt::format("{:<8}", format.name) << all << std::endl;
    return all;
  }

  /// Whether the format's package reads the same from what was kept. Its own refusals are counted, and no fault.
  void judge_kept(const MutatedFormat& format) const {
    if (format.package.empty()) return;
    if (!test::python_has("numpy " + format.package)) {
      std::cout << "nobody judges: no Python with " << format.package << "; set RECON_PYTHON to one that has it\n";
      return;
    }
    const std::string command =
        fmt::format("{} '{}' {} '{}'", test::python(), test::source_path("tests/golden/formats/judge_mutated.py"),
                    format.name, path("kept"));
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
};

// Quick: enough to see that nothing throws what it should not.
TEST_F(Mutated, AFewOfEachFormatGiveDataOrOneError) {
  for (const MutatedFormat& format : mutated_formats()) {
    const Outcomes found = mutate(format, format.name == "nxtomo" ? 60 : 300, 3);
    EXPECT_GT(found.refused, found.total() / 20) << format.name;
  }
}

class SlowMutated : public Mutated, public testing::WithParamInterface<std::string> {};

TEST_P(SlowMutated, TwentyThousandGiveWhatTheirPackageReadsOrOneError) {
  for (const MutatedFormat& format : mutated_formats()) {
    if (format.name != GetParam()) continue;
    const Outcomes found = mutate(format, 20'000, 17);
    EXPECT_EQ(found.total(), 20'000);
    EXPECT_GT(found.refused, 1000);
    EXPECT_LT(found.slowest_s, 120);  // a child may compute for 2 s; the machine may be busy
    judge_kept(format);
  }
}

INSTANTIATE_TEST_SUITE_P(Slow, SlowMutated, testing::Values("npy", "fits", "dicom", "tiff", "nxtomo", "raw"),
                         [](const auto& one) { return one.param; });

/// Spokes of two coils in a file of ISMRMRD.
MutatedFormat trajectories(const std::string& path) {
  std::vector<MrdLine> lines;
  for (int step = 0; step < 6; ++step) {
    const at::Tensor radius = at::arange(-8, 8, at::kDouble) / 16.0;
    const double angle = 0.5 * step;
    lines.push_back({.samples = at::complex(radius + step, radius - 1).to(at::kComplexFloat).expand({2, 16}),
                     .step = step,
                     .positions = at::stack({radius * std::sin(angle), radius * std::cos(angle)}, 1)});
  }
  write_mrd(path,
            MrdHeader{.rows = 16, .columns = 16, .row_share = 0.5, .column_share = 0.5, .trajectory = "radial"}.xml(),
            lines);
  return {"mrd", ".h5", {path}, trajectory_arrays};
}

TEST_F(Mutated, SpokesGiveDataOrOneError) { EXPECT_GT(mutate(trajectories(path("spokes.h5")), 60, 5).refused, 3); }

class SlowMutatedSpokes : public Mutated {};

TEST_F(SlowMutatedSpokes, FiveThousandGiveDataOrOneError) {
  const Outcomes found = mutate(trajectories(path("spokes.h5")), 5000, 6);
  EXPECT_GT(found.refused, 250);
  EXPECT_LT(found.slowest_s, 120);
}

/// A measurement file whose noise is correlated: a covariance of two coils.
TEST_F(Mutated, CovariancesGiveDataOrOneError) {
  MeasurementSet set;
  set.header.image = {{1, 4, 5}, ScalarKind::real};
  set.header.operator_config = "type: identity\n";
  set.header.noise = {.type = NoiseType::gaussian, .std = {0.1}, .peak = 0};
  set.header.correlation.covariance = at::eye(1, at::kDouble) * 0.01;
  set.y = at::ones({2, 1, 4, 5});
  write_measurement_file(path("own.h5"), set);
  const ReadArrays read = [](const std::string& file) {
    const MeasurementFile opened = MeasurementFile::open(file);
    Arrays all = {opened.header().correlation.covariance};
    for (std::int64_t i = 0; i < opened.count(); ++i) all.push_back(opened.item(i).y);
    return all;
  };
  EXPECT_GT(mutate({"covariance", ".h5", {path("own.h5")}, read}, 600, 7).refused, 30);
}

}  // namespace
}  // namespace recon
