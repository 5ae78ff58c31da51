// Raw MRI files as they occur: what lines are for, where the centre is, what was not measured. Each test's name says
// the kind; the right values of tests/golden/mri_cases are those of its README.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <map>
#include <random>

#include "data/fastmri_file.h"
#include "data/kspace_file.h"
#include "recon/core/rng.h"
#include "tests/data/data_support.h"
#include "tests/data/ismrmrd_writer.h"

namespace recon {
namespace {

using namespace testing_data;

std::string case_file(const std::string& name) { return test::source_path("tests/golden/mri_cases/" + name); }

at::Tensor numbers(const Shape& shape, std::uint32_t step = 0) {
  return Rng(43, "mri_cases_test").normal({StreamKey{}}, step, {shape, ScalarKind::complex}, at::kFloat)[0];
}

/// k-space [coils, rows, columns] whose energy falls off from the centre, as an image's does.
at::Tensor scene(std::int64_t coils, std::int64_t rows, std::int64_t columns, std::uint32_t step = 0) {
  const auto axis = [](std::int64_t n) { return (at::arange(n, at::kFloat) - static_cast<double>(n / 2)).abs(); };
  const at::Tensor distance = axis(rows).view({-1, 1}) + axis(columns);
  return (numbers({coils, rows, columns}, step) * 0.1 + 1) * 10 / (1 + distance).square();
}

double farthest(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

bool says(const KspaceSet& set, const std::string& words) {
  return std::any_of(set.notes.begin(), set.notes.end(),
                     [&](const std::string& note) { return note.find(words) != std::string::npos; });
}

std::int64_t lines_of(const KspaceSet& set, const std::string& what) {
  for (const KspacePart& part : set.parts) {
    if (part.what == what) return part.lines;
  }
  return 0;
}

const at::Tensor& whole_head() {
  static const at::Tensor kspace = read_kspace(case_file("mrd_2d_header_z2.h5")).kspace[0];
  return kspace;
}

TEST(MriCases, TwoDimensionalScanWithAHeaderOfTwoPartitionsIsReadWithANote) {
  const KspaceSet set = read_kspace(case_file("mrd_2d_header_z2.h5"));
  EXPECT_EQ(set.kspace.sizes(), (std::vector<std::int64_t>{1, 4, 32, 32}));
  EXPECT_TRUE(says(set, "2 partitions (3-D), all lines are of partition 0"));
  EXPECT_TRUE((set.kspace != 0).all().item<bool>());
}

// libismrmrd's own opening is for writing: it locks the file and changes its time.
TEST(MriCases, ReadingLeavesTheFileAsItWasAndToOtherReaders) {
  const auto file = std::filesystem::temp_directory_path() / "raw.h5";
  std::filesystem::copy_file(case_file("mrd_2d_header_z2.h5"), file);
  const auto before = std::filesystem::last_write_time(file) - std::chrono::hours(1);
  std::filesystem::last_write_time(file, before);
  const int other = ::open(file.c_str(), O_RDONLY);
  ASSERT_EQ(::flock(other, LOCK_SH | LOCK_NB), 0) << "as HDF5 does for reading";
  EXPECT_EQ(read_kspace(file.string()).kspace.size(0), 1);
  ::close(other);
  EXPECT_EQ(std::filesystem::last_write_time(file), before);
}

TEST(MriCases, CentreSampleAfterReversalIsFoundAndSaid) {
  const KspaceSet set = read_kspace(case_file("mrd_reversed_centre_N2.h5"));
  EXPECT_TRUE(at::equal(set.kspace[0], whole_head())) << "the same scan, every second line stored backwards";
  EXPECT_TRUE(says(set, "'after_reversal'"));
  EXPECT_TRUE(says(set, "16 reversed readouts"));
  expect_data_error({"centre_sample"}, [] {
    read_kspace(case_file("mrd_reversed_centre_N2.h5"), {.centre_sample = ReadoutCentre::stated});
  });
}

TEST(MriCases, CentreIsFoundByTheEnergyWithoutEncodingLimits) {
  const KspaceSet set = read_kspace(case_file("mrd_no_encoding_limits.h5"));
  EXPECT_TRUE(at::equal(set.kspace[0].narrow(2, 8, 24), whole_head().narrow(2, 8, 24)));
  EXPECT_FALSE((set.kspace.narrow(3, 0, 8) != 0).any().item<bool>());
  EXPECT_TRUE(says(set, "step 8, by the line of most energy"));
}

TEST(MriCases, SeparateCalibrationIsKeptApartFromTheImage) {
  const KspaceSet set = read_kspace(case_file("mrd_separate_calibration.h5"));
  const at::Tensor even = at::arange(32) % 2 == 0;
  EXPECT_TRUE(at::equal(set.kspace[0], whole_head() * even));
  ASSERT_TRUE(set.calibration.defined());
  const at::Tensor sampled = (set.calibration[0] != 0).any(0).all(0);
  EXPECT_EQ(sampled.nonzero().min().item<std::int64_t>(), 10);
  EXPECT_EQ(sampled.sum().item<std::int64_t>(), 12);
  EXPECT_EQ(lines_of(set, "calibration"), 12);
  EXPECT_EQ(lines_of(set, "imaging"), 16);
}

TEST(MriCases, AveragesAreCounted) {
  const KspaceSet set = read_kspace(case_file("mrd_four_averages.h5"));
  ASSERT_TRUE(set.averages.defined());
  EXPECT_TRUE(set.averages.eq(4).all().item<bool>());
  EXPECT_EQ(set.noise.size(1), 256);
}

TEST(MriCases, PhaseOversamplingIsKnown) {
  const KspaceSet set = read_kspace(case_file("mrd_phase_oversampling.h5"));
  EXPECT_EQ(set.kspace.size(3), 48);
  EXPECT_EQ(set.phase, 32);
  EXPECT_EQ(set.readout, 32);
}

TEST(MriCases, HeaderWithoutAFieldOfViewIsOneError) {
  testing::internal::CaptureStdout();
  expect_data_error({"mrd_header_without_fov.h5:/dataset/xml", "fieldOfView_mm"},
                    [] { read_kspace(case_file("mrd_header_without_fov.h5")); });
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "") << "libismrmrd writes there";
}

TEST(MriCases, ZeroPaddedColumnsAreNotMeasuredWhateverTheMaskSays) {
  const FastMriFile padded = FastMriFile::open(case_file("fastmri_zero_padded.h5"));
  EXPECT_TRUE(padded.mask()[0].eq((padded.item(0)[0] != 0).any(0)).all().item<bool>());
  EXPECT_EQ(padded.mask()[0].sum().item<double>(), 24) << "of 46 that the mask says";
  const FastMriFile bare = FastMriFile::open(case_file("fastmri_undersampled_without_mask.h5"));
  const at::Tensor measured = (bare.item(0)[0] != 0).any(0);
  EXPECT_TRUE(bare.mask()[0].eq(measured.to(at::kFloat)).all().item<bool>());
  EXPECT_LT(bare.mask().mean().item<double>(), 0.9);
}

class MriFiles : public DataTest {
 protected:
  static constexpr int rows = 32, columns = 16, coils = 2;

  /// All columns of a k-space, in order.
  static std::vector<MrdLine> lines_of_scan(const at::Tensor& kspace, int slice = 0) {
    std::vector<MrdLine> lines;
    for (int step = 0; step < kspace.size(2); ++step) {
      lines.push_back({.samples = kspace.select(2, step),
                       .centre = static_cast<int>(kspace.size(1) / 2),
                       .step = step,
                       .slice = slice,
                       .flags = {}});
    }
    return lines;
  }
};

TEST_F(MriFiles, EmbeddedCalibrationIsImageUnlessItDiffers) {
  const at::Tensor kspace = scene(coils, rows, columns), other = scene(coils, rows, columns, 1) * 3;
  const MrdHeader header{.limits = MrdHeader::limit("kspace_encoding_step_1", columns - 1, columns / 2),
                         .calibration_mode = "embedded"};
  const auto write_calibration = [&](const std::string& name, const at::Tensor& calibration) {
    std::vector<MrdLine> lines;
    for (const MrdLine& line : lines_of_scan(kspace)) {
      if (line.step % 2 == 0) lines.push_back(line);
    }
    for (MrdLine line : lines_of_scan(calibration)) {
      line.flags = {ISMRMRD::ISMRMRD_ACQ_IS_PARALLEL_CALIBRATION};
      if (std::abs(line.step - columns / 2) <= 3) lines.push_back(line);
    }
    write_mrd(path(name), header.xml(), lines);
    return read_kspace(path(name));
  };
  const KspaceSet same = write_calibration("same.h5", kspace);
  EXPECT_FALSE(same.calibration.defined());
  EXPECT_LT(farthest(same.kspace[0].select(2, 7), kspace.select(2, 7)), 1e-6);
  EXPECT_EQ(same.averages[0][0][8].item<double>(), 2);
  const KspaceSet differing = write_calibration("differing.h5", other);
  EXPECT_TRUE(says(differing, "used for coil maps only"));
  EXPECT_FALSE((differing.kspace[0].select(2, 7) != 0).any().item<bool>());
  EXPECT_LT(farthest(differing.calibration[0].select(2, 7), other.select(2, 7)), 1e-6);
}

TEST_F(MriFiles, EncodingSpacesAreNotMixed) {
  const at::Tensor first = scene(coils, rows, columns), second = scene(coils, rows, 8, 1);
  const MrdHeader large{.limits = MrdHeader::limit("kspace_encoding_step_1", columns - 1, columns / 2)};
  const MrdHeader small{.columns = 8, .limits = MrdHeader::limit("kspace_encoding_step_1", 7, 4)};
  std::vector<MrdLine> lines = lines_of_scan(first);
  for (MrdLine line : lines_of_scan(second)) {
    line.encoding = 1;
    lines.push_back(line);
  }
  write_mrd(path("two.h5"), MrdHeader::xml_of_encodings(large.encoding() + small.encoding()), lines);
  const KspaceSet set = read_kspace(path("two.h5"));
  EXPECT_LT(farthest(set.kspace[0], first), 1e-6);
  EXPECT_EQ(lines_of(set, "imaging of encoding space 1"), 8);
  EXPECT_LT(farthest(read_kspace(path("two.h5"), {.encoding = 1}).kspace[0], second), 1e-6);
  expect_data_error({"encoding space 2"}, [&] { read_kspace(path("two.h5"), {.encoding = 2}); });
}

TEST_F(MriFiles, VolumesBecomeSlicesAndTheirOversamplingIsCut) {
  constexpr int partitions = 8;
  const MrdHeader header{.partitions = partitions,
                         .partition_share = 0.5,
                         .limits = MrdHeader::limit("kspace_encoding_step_1", columns - 1, columns / 2) +
                                   MrdHeader::limit("kspace_encoding_step_2", partitions - 1, partitions / 2)};
  const at::Tensor volume = at::stack(std::vector<at::Tensor>(partitions, scene(coils, rows, columns)), 1) *
                            numbers({1, partitions, 1, 1}, 5);
  std::vector<MrdLine> lines;
  for (int z = 0; z < partitions; ++z) {
    for (MrdLine line : lines_of_scan(volume.select(1, z))) {
      line.partition = z;
      lines.push_back(line);
    }
  }
  write_mrd(path("volume.h5"), header.xml(), lines);
  const KspaceSet set = read_kspace(path("volume.h5"));
  ASSERT_EQ(set.kspace.sizes(), (std::vector<std::int64_t>{4, coils, rows, columns}));
  EXPECT_EQ(set.ids[3], "slice0_partition3");
  // Slice s is the sum over partitions of exp(2 pi i (k - 4) (s + 2 - 4) / 8) / sqrt 8.
  const at::Tensor angle = (at::arange(partitions, at::kFloat) - 4) * (1 + 2 - 4) * (2 * M_PI / partitions);
  const at::Tensor phases = at::polar(at::ones_like(angle), angle).view({1, partitions, 1, 1}) / std::sqrt(partitions);
  EXPECT_LT(farthest(set.kspace[1], (volume * phases).sum(1)), 1e-4);
  lines.pop_back();
  write_mrd(path("gap.h5"), header.xml(), lines);
  expect_data_error({"second phase encoding is complete"}, [&] { read_kspace(path("gap.h5")); });
}

TEST_F(MriFiles, LimitsThatContradictTheDataAreRefused) {
  std::vector<MrdLine> lines = lines_of_scan(scene(coils, rows, columns));
  lines.erase(lines.begin() + 12, lines.end());
  const MrdHeader wrong{.limits = MrdHeader::limit("kspace_encoding_step_1", columns - 1, 3)};
  write_mrd(path("wrong.h5"), wrong.xml(), lines);
  expect_data_error({"most energy is at step 8", "phase_centre=8"}, [&] { read_kspace(path("wrong.h5")); });
  const KspaceSet forced = read_kspace(path("wrong.h5"), {.phase_centre = 8});
  EXPECT_TRUE(says(forced, "step 8, by the option"));
  const MrdHeader missing{.limits = MrdHeader::limit("kspace_encoding_step_1", 0, 0)};
  write_mrd(path("missing.h5"), missing.xml(), lines);
  EXPECT_TRUE(at::equal(read_kspace(path("missing.h5")).kspace, forced.kspace)) << "zeros are no limits";
  for (MrdLine& line : lines) line.flags = {ISMRMRD::ISMRMRD_ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING};
  lines.erase(lines.begin(), lines.begin() + 5);  // 5 to 11: the middle is 8
  write_mrd(path("flags.h5"), missing.xml(), lines);
  EXPECT_TRUE(says(read_kspace(path("flags.h5")), "step 8, by the calibration flags"));
}

TEST_F(MriFiles, CentreSampleOfZeroIsTheMiddleAndOtherGroupsAreFound) {
  const at::Tensor kspace = scene(coils, rows, columns);
  std::vector<MrdLine> lines = lines_of_scan(kspace);
  for (MrdLine& line : lines) line.centre = 0;
  const MrdHeader header{.limits = MrdHeader::limit("kspace_encoding_step_1", columns - 1, columns / 2)};
  write_mrd(path("zero.h5"), header.xml(), lines, "scan_3");
  ASSERT_TRUE(is_kspace_file(path("zero.h5")));
  const KspaceSet set = read_kspace(path("zero.h5"));
  EXPECT_LT(farthest(set.kspace[0], kspace), 1e-6);
  EXPECT_TRUE(says(set, "'middle'"));
}

// Headers drawn at random against sums that are formed while the lines are drawn.
class RandomHeaders : public MriFiles {
 protected:
  struct Expected {
    at::Tensor sum, weight;  ///< [items, coils, rows, columns], [items, 1, rows, columns]
    std::map<std::string, std::int64_t> parts;
    std::int64_t kept_rows = 0, kept_columns = 0, centre = 0;
  };

  Expected draw_file(const std::string& name, std::mt19937& random) {
    const auto one_of = [&](std::initializer_list<int> choices) { return choices.begin()[random() % choices.size()]; };
    MrdHeader header{.rows = one_of({32, 48}), .columns = one_of({11, 12, 16})};
    header.row_share = one_of({1, 2}) == 1 ? 1 : 0.5;
    header.column_share = one_of({1, 4}) == 1 ? 1 : 0.75;
    const int slices = one_of({1, 2}), repetitions = one_of({1, 2, 3}), contrasts = one_of({1, 2});
    const bool limits = random() % 2 == 0, separate = random() % 2 == 0;
    // With limits steps may be counted from anywhere; without, energy or flags find the centre.
    const int shift = one_of({0, 1, 2});
    Expected expected;
    expected.centre = header.columns / 2 - shift;
    if (limits)
      header.limits = MrdHeader::limit("kspace_encoding_step_1", header.columns - 1, header.columns / 2 - shift);
    if (separate) header.calibration_mode = "separate";
    expected.kept_rows = static_cast<std::int64_t>(std::lround(header.rows * header.row_share));
    expected.kept_columns = static_cast<std::int64_t>(std::lround(header.columns * header.column_share));
    const std::int64_t items = std::int64_t{slices} * contrasts * repetitions;
    expected.sum = at::zeros({items, coils, header.rows, header.columns}, at::kComplexFloat);
    expected.weight = at::zeros({items, 1, header.rows, header.columns});
    std::vector<MrdLine> lines;
    const auto add_others = [&](const MrdLine& like) {
      const std::vector<std::pair<int, std::string>> kinds{{ISMRMRD::ISMRMRD_ACQ_IS_NAVIGATION_DATA, "navigation"},
                                                           {ISMRMRD::ISMRMRD_ACQ_IS_PHASECORR_DATA, "phase correction"},
                                                           {ISMRMRD::ISMRMRD_ACQ_IS_DUMMYSCAN_DATA, "dummy"},
                                                           {ISMRMRD::ISMRMRD_ACQ_IS_NOISE_MEASUREMENT, "noise"},
                                                           {ISMRMRD::ISMRMRD_ACQ_IS_RTFEEDBACK_DATA, "feedback"}};
      const auto& [flag, what] = kinds[random() % kinds.size()];
      MrdLine other = like;
      other.samples = numbers({coils, 7}, static_cast<std::uint32_t>(random())) * 100;
      other.flags = {flag};
      lines.push_back(other);
      ++expected.parts[what];
    };
    std::int64_t item = 0;
    for (int slice = 0; slice < slices; ++slice) {
      for (int contrast = 0; contrast < contrasts; ++contrast) {
        const float dwell_us = contrast == 0 ? 5 : 10;
        const at::Tensor clean = scene(coils, header.rows, header.columns, static_cast<std::uint32_t>(item + 1));
        for (int repetition = 0; repetition < repetitions; ++repetition, ++item) {
          for (int column = shift; column < header.columns; ++column) {
            if (column % 3 == 1 && std::abs(column - header.columns / 2) > 2) continue;
            const int averages = one_of({1, 1, 2, 3});
            for (int average = 0; average < averages; ++average) {
              const at::Tensor value =
                  clean.select(2, column) + numbers({coils, header.rows}, static_cast<std::uint32_t>(random())) * 0.02;
              const int first = random() % 8 == 0 ? header.rows / 4 : 0;  // a partial echo
              at::Tensor stored = value.narrow(1, first, header.rows - first);
              MrdLine line{.samples = stored,
                           .centre = header.rows / 2 - first,
                           .step = column - shift,
                           .slice = slice,
                           .contrast = contrast,
                           .repetition = repetition,
                           .average = average,
                           .flags = {},
                           .dwell_us = dwell_us};
              if (random() % 5 == 0) {
                line.samples = stored.flip(1);
                line.centre = static_cast<int>(stored.size(1)) - 1 - line.centre;
                line.flags.push_back(ISMRMRD::ISMRMRD_ACQ_IS_REVERSE);
              }
              lines.push_back(line);
              ++expected.parts["imaging"];
              const double weight = dwell_us / 5.0;
              expected.sum[item].narrow(1, first, header.rows - first).select(2, column).add_(stored, weight);
              expected.weight[item].narrow(1, first, header.rows - first).select(2, column).add_(weight);
              if (random() % 16 == 0) add_others(line);
            }
          }
          if (separate) {
            for (int column = header.columns / 2 - 2; column <= header.columns / 2 + 2; ++column) {
              lines.push_back({.samples = scene(coils, header.rows, header.columns, 99).select(2, column) * 4,
                               .centre = header.rows / 2,
                               .step = column - shift,
                               .slice = slice,
                               .contrast = contrast,
                               .repetition = repetition,
                               .flags = {ISMRMRD::ISMRMRD_ACQ_IS_PARALLEL_CALIBRATION}});
              ++expected.parts["calibration"];
            }
          }
        }
      }
    }
    // The first imaging line sets the dwell time that counts as 1; it stays first. The others in any order.
    std::shuffle(lines.begin() + 1, lines.end(), random);
    write_mrd(path(name), header.xml(), lines);
    return expected;
  }

  void sort_files(int files, unsigned seed) {
    std::mt19937 random(seed);
    for (int round = 0; round < files; ++round) {
      SCOPED_TRACE(round);
      sort_one(random);
    }
  }

  void sort_one(std::mt19937& random) {
    const Expected expected = draw_file("random.h5", random);
    const KspaceSet set = read_kspace(path("random.h5"));
    ASSERT_EQ(set.kspace.sizes(), expected.sum.sizes());
    const at::Tensor mean = expected.sum / expected.weight.clamp_min(1e-6);
    ASSERT_LT(farthest(set.kspace, mean), 1e-4);
    const at::Tensor averages = set.averages.defined() ? set.averages : (set.kspace != 0).any(1).to(at::kFloat);
    ASSERT_LT(farthest(averages, expected.weight.squeeze(1)), 1e-4);
    for (const auto& [what, lines] : expected.parts) ASSERT_EQ(lines_of(set, what), lines) << what;
    ASSERT_EQ(set.readout, expected.kept_rows);
    ASSERT_EQ(set.phase, expected.kept_columns);
    ASSERT_TRUE(says(set, fmt::format("phase encoding step {}, by", expected.centre)));
    std::filesystem::remove(path("random.h5"));
  }
};

TEST_F(RandomHeaders, AreSortedAsTheySay) { sort_files(12, 7); }

class SlowRandomHeaders : public RandomHeaders {};

TEST_F(SlowRandomHeaders, TwoHundredAreSortedAsTheySay) { sort_files(200, 8); }

}  // namespace
}  // namespace recon
