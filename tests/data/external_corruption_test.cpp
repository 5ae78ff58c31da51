// Damaged files of others: old and new format, gzip, shuffle, lzf, fletcher32, fastMRI. Each gives data or one
// Error(data) that names the file; never a crash, a hang or an allocation beyond the file's size.
#include <H5public.h>

#include <array>
#include <functional>
#include <iostream>

#include "data/external_dataset.h"
#include "data/fastmri_file.h"
#include "data/measurement_file.h"
#include "tests/data/damage.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

using namespace testing_data;

const std::string external = test::source_path("tests/golden/external/");

std::string bytes_of(const at::Tensor& value) {
  const at::Tensor plain = resolved(value);
  return to_string(shape_of(plain)) + std::string(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes());
}

std::string read_fastmri(const std::string& path) {
  const auto file = FastMriFile::open(path);
  std::string all = bytes_of(file.mask());
  for (std::int64_t i = 0; i < file.count(); ++i) {
    all += bytes_of(file.item(i));
    if (file.has_ground_truth()) all += bytes_of(file.ground_truth(i));
  }
  return all;
}

std::string read_measurements(const std::string& path) {
  const auto file = MeasurementFile::open(path);
  std::string all;
  for (std::int64_t i = 0; i < file.count(); ++i) {
    const MeasurementItem item = file.item(i);
    all += item.id + bytes_of(item.y);
    if (item.ground_truth.defined()) all += bytes_of(item.ground_truth);
    for (const auto& [name, value] : item.arrays) all += name + bytes_of(value);
  }
  for (const auto& [name, value] : file.header().operator_arrays) all += name + bytes_of(value);
  return all + file.header().operator_config;
}

/// Reads a dataset as a mapping of the config would.
auto reader(const ExternalLayout& layout) {
  return [layout](const std::string& path) {
    const ExternalDataset dataset(hdf5::File::open(path), layout);
    std::string all;
    for (std::int64_t i = 0; i < dataset.count(); ++i) all += bytes_of(dataset.item(i));
    return all;
  };
}

using Read = std::function<std::string(const std::string&)>;

struct Case {
  std::string name, file;
  Read read;
};

/// Six of the old format, whose structure a child process reads first, and four of the new one.
std::vector<Case> cases(const std::string& own) {
  const std::vector<std::string> trailing = {"item", "y", "x", "complex"}, leading = {"complex", "item", "y", "x"};
  return {{"fastMRI, full", external + "fastmri_full.h5", read_fastmri},
          {"fastMRI, masked", external + "fastmri_masked.h5", read_fastmri},
          {"uint16, gzip + shuffle", external + "uint16.h5", reader({.dataset = "scans/ct"})},
          {"float32, lzf", external + "float32.h5", reader({.dataset = "images"})},
          {"float32, shuffle + lzf + fletcher32", external + "float32.h5", reader({.dataset = "shuffled"})},
          {"measurement of h5py", golden + "h5py_measurement.h5", read_measurements},
          {"complex {real, imag}", external + "complex.h5", reader({.dataset = "real_imag"})},
          {"complex last, gzip", external + "complex.h5", reader({.dataset = "trailing", .axes = trailing})},
          {"complex first, fletcher32", external + "complex.h5", reader({.dataset = "leading", .axes = leading})},
          {"measurement of recon", written_measurements(own), read_measurements}};
}

class ExternalCorruption : public Damage {
 protected:
  /// Those of cases() from first on, before last.
  Outcomes damage_cases(std::size_t first, std::size_t last, int rounds) {
    const auto all_cases = cases(path("own.h5"));
    Outcomes all;
    for (std::size_t i = first; i < std::min(last, all_cases.size()); ++i) {
      const auto& one = all_cases[i];
      const Outcomes found = damage(one.file, rounds, static_cast<unsigned>(1000 + i), one.read);
      std::cout << fmt::format("{:<36}", one.name) << found << std::endl;
      EXPECT_GT(found.refused + found.different, 0) << one.name;  // a test that damages nothing would show
      EXPECT_LT(found.slowest_s, 120) << one.name;  // a child may compute for 2 s; the machine may be busy
      all += found;
    }
    std::cout << fmt::format("{:<36}", "all") << all << std::endl;
    return all;
  }
};

TEST_F(ExternalCorruption, DamagedFilesGiveDataOrOneError) { EXPECT_EQ(damage_cases(0, 10, 40).total(), 400); }

TEST_F(ExternalCorruption, NothingIsReadBeyondWhatIsCutOff) {
  for (const auto& one : cases(path("own.h5"))) {
    const std::string whole = file_bytes(one.file), data = one.read(one.file);
    const std::size_t step = whole.size() / 12;
    for (std::size_t length = 0; length + 1 < whole.size(); length += step) {
      EXPECT_EQ(judge(whole.substr(0, length), data, one.read).different, 0) << one.name << " cut to " << length;
    }
  }
}

TEST_F(ExternalCorruption, AChunkShapeThatLiesIsRefused) {
  // HDF5 would read beyond the unpacked chunk: [1, 6, 5] of two bytes became [2, 6, 5]. The numbers are once in the
  // file.
  const auto shape = [](std::uint32_t items) {
    const std::array<std::uint32_t, 4> extents = {items, 6, 5, 2};
    return std::string(reinterpret_cast<const char*>(extents.data()), sizeof(extents));
  };
  std::string bytes = file_bytes(external + "uint16.h5");
  const auto location = bytes.find(shape(1));
  ASSERT_NE(location, std::string::npos);
  bytes.replace(location, shape(2).size(), shape(2));
  std::ofstream(path("damaged"), std::ios::binary) << bytes;
#if H5_VERSION_GE(1, 14, 0)  // does not count such chunks as stored
  const std::vector<std::string> words = {"[4, 6, 5]", "only 0 bytes are stored"};
#else
  const std::vector<std::string> words = {"120 bytes", "unpacks to 60"};
#endif
  const auto read = [&] { reader({.dataset = "scans/ct"})(path("damaged")); };
  expect_error(ErrorKind::data, {path("damaged") + ":/scans/ct"}, read);
  expect_error(ErrorKind::data, words, read);
}

TEST_F(ExternalCorruption, ChecksumsLeaveNoChangedByteUnnoticed) {
  // gzip has one over its data, fletcher32 is one, and this file's format has one over its structure.
  const std::vector<std::string> trailing = {"item", "y", "x", "complex"}, leading = {"complex", "item", "y", "x"};
  for (const auto& read :
       {reader({.dataset = "trailing", .axes = trailing}), reader({.dataset = "leading", .axes = leading})}) {
    const std::string whole = file_bytes(external + "complex.h5"), data = read(external + "complex.h5");
    Outcomes all;
    for (std::size_t i = 0; i < whole.size(); i += 29) {
      std::string bytes = whole;
      bytes[i] = static_cast<char>(bytes[i] ^ 0x41);
      all += judge(bytes, data, read);
    }
    EXPECT_EQ(all.different, 0);
    EXPECT_GT(all.refused, 0);
  }
}

class SlowExternalCorruption : public ExternalCorruption {};

TEST_F(SlowExternalCorruption, FifteenThousandDamagedFilesOfTheOldFormat) {
  EXPECT_EQ(damage_cases(0, 6, 2500).total(), 15000);
}

TEST_F(SlowExternalCorruption, TenThousandDamagedFilesOfTheNewFormat) {
  EXPECT_EQ(damage_cases(6, 10, 2500).total(), 10000);
}

}  // namespace
}  // namespace recon
