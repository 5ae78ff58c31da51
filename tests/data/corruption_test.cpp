// Damaged files: every truncation and every flipped byte gives data or one Error(data); never a crash, a hang or an
// allocation beyond the file's size.
#include <algorithm>
#include <random>

#include "data/calibration_file.h"
#include "data/hdf5/hdf5_file.h"
#include "data/image_io.h"
#include "data/measurement_file.h"
#include "data/result_file.h"
#include "tests/data/damage.h"

namespace recon {
namespace {

using namespace testing_data;

class Corruption : public DataTest {
 protected:
  /// Reads all of a file of any kind that the room knows; counts the errors.
  template <class Read>
  bool readable(const std::string& bytes, const Read& read) {
    // Plain writes: thousands of synced ones would take minutes.
    std::ofstream(path("damaged"), std::ios::binary) << bytes;
    try {
      read(path("damaged"));
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
      EXPECT_NE(std::string(error.what()).find(path("damaged")), std::string::npos) << error.what();
      return false;
    }
  }

  template <class Read>
  void truncate_everywhere(const std::string& whole, std::size_t step, const Read& read) {
    ASSERT_TRUE(readable(whole, read));
    for (std::size_t length = 0; length + 1 < whole.size(); length += step) {
      EXPECT_FALSE(readable(whole.substr(0, length), read))
          << "cut to " << length << " of " << whole.size() << " bytes";
    }
  }

  /// Overwrites 1 to 4 bytes `rounds` times; returns how many files were refused.
  template <class Read>
  int flip(const std::string& whole, int rounds, unsigned seed, const Read& read) {
    std::mt19937 random(seed);
    int refused = 0;
    for (int round = 0; round < rounds; ++round) {
      const std::string bytes = overwritten(whole, random);
      refused += readable(bytes, read) ? 0 : 1;
    }
    return refused;
  }
};

void read_measurements(const std::string& path) {
  const auto file = MeasurementFile::open(path);
  for (std::int64_t i = 0; i < file.count(); ++i) file.item(i);
}

void read_results(const std::string& path) { read_result_file(path); }

void read_calibration(const std::string& path) { read_calibration_file(path); }

std::string own_calibration_file(const std::string& path) {
  CalibrationSet set;
  set.made_for = {{"operator", "type: blur"}, {"samples", "4"}};
  set.miss = 0.1;
  set.confidence = 0.95;
  set.margins = {{"psnr", 1.5}};
  set.ids = {"a", "b"};
  set.figures = {{"psnr", {20, 30}}};
  set.factors = {0.5, 1};
  set.misses = at::full({2, 2}, 0.1, at::kDouble);
  set.ranks = at::full({2, 5}, 0.2, at::kDouble);
  write_calibration_file(path, set);
  return file_bytes(path);
}

void read_everything(const hdf5::Group& group) {
  for (const auto& name : group.attribute_names()) {
    try {
      group.text_attribute(name);
    } catch (const Error&) {
      group.numbers_attribute(name);
    }
  }
  for (const auto& name : group.names()) {
    if (group.is_group(name)) {
      read_everything(group.group(name));
    } else {
      const auto dataset = group.dataset(name);
      if (dataset.is_text()) {
        dataset.read_strings();
      } else {
        dataset.read();
      }
    }
  }
}

std::string own_result_file(const std::string& path) {
  ResultSet set;
  set.ids = {"a", "b"};
  set.main.solver = "dps";
  set.main.reconstructions = at::ones({2, 1, 3, 3}, at::kComplexFloat);
  set.main.metrics = {{"psnr", {20, 30}}};
  set.main.status = {"finished", "finished"};
  set.main.chi2 = {1, 1};
  set.main.trace = {{"chi2", at::ones({2, 4})}};
  set.baselines["tv"] = set.main;
  set.versions = {{"recon", "0.1"}};
  write_result_file(path, set);
  return file_bytes(path);
}

TEST_F(Corruption, TruncatedMeasurementFilesAreRefused) {
  truncate_everywhere(file_bytes(written_measurements(path("whole"))), 41, read_measurements);
  truncate_everywhere(file_bytes(golden + "h5py_measurement.h5"), 301, read_measurements);
}

TEST_F(Corruption, TruncatedResultFilesAreRefused) {
  truncate_everywhere(own_result_file(path("whole")), 97, read_results);
}

TEST_F(Corruption, DamagedCalibrationsAreRefused) {
  const std::string whole = own_calibration_file(path("whole"));
  truncate_everywhere(whole, 97, read_calibration);
  EXPECT_GT(flip(whole, 300, 5, read_calibration), 3);
}

TEST_F(Corruption, FlippedBytesGiveDataOrOneError) {
  const int rounds = 300, rounds_h5py = 60;  // files of the old format cost a child process each
  const int own = flip(file_bytes(written_measurements(path("whole"))), rounds, 1, read_measurements);
  const int results = flip(own_result_file(path("whole")), rounds, 2, read_results);
  const int h5py = flip(file_bytes(golden + "h5py_measurement.h5"), rounds_h5py, 3, read_measurements);
  // Most bytes of such a small file are metadata, so that a test which damages nothing would show.
  EXPECT_GT(own, rounds / 10);
  EXPECT_GT(results, rounds / 10);
  EXPECT_GT(h5py, rounds_h5py / 20);
}

TEST_F(Corruption, DamagedPicturesGiveDataOrOneError) {
  const auto read = [](const std::string& file) { read_image(file, {.alpha = AlphaRule::drop}); };
  for (const std::string name : {"gray8.png", "gray16.tiff", "rgb8.jpg", "gray_float.tiff"}) {
    const std::string whole = file_bytes(golden + name);
    ASSERT_TRUE(readable(whole, read)) << name;
    for (std::size_t length = 0; length < whole.size() / 2; length += 13) readable(whole.substr(0, length), read);
    flip(whole, 60, 5, read);
  }
  EXPECT_FALSE(readable("", read));
  EXPECT_FALSE(readable("not a picture", read));
}

class SlowCorruption : public Corruption {};

TEST_F(SlowCorruption, TwentyThousandDamagedFiles) {
  const auto everything = [](const std::string& file) { read_everything(hdf5::File::open(file)); };
  const std::string own = file_bytes(written_measurements(path("whole"))), results = own_result_file(path("whole"));
  const std::string h5py = file_bytes(golden + "h5py_measurement.h5");
  for (unsigned seed = 10; seed < 15; ++seed) {
    flip(own, 1000, seed, read_measurements);
    flip(results, 1000, seed, read_results);
    flip(h5py, 1000, seed, read_measurements);
    flip(h5py, 1000, seed + 10, everything);
  }
}

}  // namespace
}  // namespace recon
