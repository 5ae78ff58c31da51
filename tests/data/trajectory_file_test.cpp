// Radial and other raw data, whose samples say themselves where they lie.
#include <numbers>

#include "data/kspace_file.h"
#include "recon/core/error.h"
#include "tests/data/data_support.h"
#include "tests/data/ismrmrd_writer.h"

namespace recon {
namespace {

using testing_data::MrdHeader;
using testing_data::MrdLine;

constexpr std::int64_t coils = 3, readout = 32;

MrdHeader radial_header(int partitions = 1) {
  return {.rows = 32,
          .columns = 32,
          .partitions = partitions,
          .row_share = 0.5,
          .column_share = 0.5,
          .trajectory = "radial"};
}

/// A spoke at an angle, in cycles per pixel: [readout, 2].
at::Tensor spoke(double angle) {
  const at::Tensor radius = at::arange(-readout / 2, readout / 2, at::kDouble) / static_cast<double>(readout);
  return at::stack({radius * std::sin(angle), radius * std::cos(angle)}, 1);
}

MrdLine line_of(int step, double scale = 1) {
  const double angle = std::numbers::pi * step / 5;
  const at::Tensor radius = at::arange(readout).to(at::kComplexFloat);
  const at::Tensor gain = at::arange(1, coils + 1).to(at::kComplexFloat).unsqueeze(1);
  return {.samples = gain * (radius + step), .step = step, .positions = spoke(angle) * scale};
}

class TrajectoryFile : public testing_data::DataTest {
 protected:
  KspaceSet read(const MrdHeader& header, const std::vector<MrdLine>& lines, const KspaceOptions& options = {}) {
    const std::string file = path(fmt::format("{}.h5", count_++));
    testing_data::write_mrd(file, header.xml(), lines);
    return read_kspace(file, options);
  }
  std::string fault(const MrdHeader& header, const std::vector<MrdLine>& lines) {
    try {
      read(header, lines);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      return error.what();
    }
    return "";
  }

  int count_ = 0;
};

std::vector<MrdLine> spokes(double scale = 1) {
  std::vector<MrdLine> lines;
  for (int step = 0; step < 5; ++step) lines.push_back(line_of(step, scale));
  return lines;
}

TEST_F(TrajectoryFile, SamplesComeWithTheirPositions) {
  const KspaceSet set = read(radial_header(), spokes());
  ASSERT_EQ(set.kspace.sizes(), (at::IntArrayRef{1, coils, 5 * readout}));
  ASSERT_EQ(set.positions.sizes(), (at::IntArrayRef{1, 5 * readout, 2}));
  EXPECT_EQ(set.matrix, (std::vector<std::int64_t>{32, 32}));
  EXPECT_EQ(set.readout, 16);
  EXPECT_TRUE(at::allclose(set.positions[0].narrow(0, readout, readout), 32 * spoke(std::numbers::pi / 5), 1e-5, 1e-5));
  EXPECT_TRUE(at::equal(set.kspace[0].narrow(1, 2 * readout, readout), line_of(2).samples));
}

TEST_F(TrajectoryFile, TheLargestNumberTellsTheUnit) {
  const at::Tensor expected = read(radial_header(), spokes()).positions;
  const double metres = 0.256;
  for (const double scale : {32.0, 2 * std::numbers::pi, 32 / metres}) {
    EXPECT_TRUE(at::allclose(read(radial_header(), spokes(scale)).positions, expected, 1e-5, 1e-4)) << scale;
  }
  const std::string beyond = fault(radial_header(), spokes(1e4));
  EXPECT_NE(beyond.find("trajectory_units"), std::string::npos) << beyond;
  KspaceOptions stated;
  stated.trajectory = TrajectoryUnits::cycles_per_field_of_view;
  EXPECT_LT(read(radial_header(), spokes(), stated).positions.abs().max().item<double>(), 0.51);
}

TEST_F(TrajectoryFile, RepetitionsAndContrastsAreItemsAndAveragesAreSamples) {
  std::vector<MrdLine> lines;
  for (int repetition = 0; repetition < 2; ++repetition) {
    for (MrdLine line : spokes()) {
      line.repetition = repetition;
      line.average = line.step % 2;
      lines.push_back(line);
    }
  }
  const KspaceSet set = read(radial_header(), lines);
  EXPECT_EQ(set.ids, (std::vector<std::string>{"slice0_repetition0", "slice0_repetition1"}));
  EXPECT_EQ(set.kspace.size(2), 5 * readout);
  EXPECT_EQ(set.anatomy.front(), set.anatomy.back()) << "they differ in time only";
  lines.pop_back();
  lines.push_back(lines.front());
  lines.back().contrast = 1;
  const KspaceSet most = read(radial_header(), lines);
  EXPECT_EQ(most.ids.size(), 1U) << "items of fewer samples are left out";
  EXPECT_EQ(most.kspace.size(2), 5 * readout);
}

// Discarded samples take their positions with them, reversed ones too.
TEST_F(TrajectoryFile, PositionsFollowTheirSamples) {
  std::vector<MrdLine> lines = spokes();
  lines[1].samples = lines[1].samples.flip(1);
  lines[1].positions = lines[1].positions.flip(0);
  lines[1].flags = {ISMRMRD::ISMRMRD_ACQ_IS_REVERSE};
  const KspaceSet turned = read(radial_header(), lines), straight = read(radial_header(), spokes());
  EXPECT_TRUE(at::equal(turned.kspace, straight.kspace));
  EXPECT_TRUE(at::equal(turned.positions, straight.positions));
}

TEST_F(TrajectoryFile, AStackBecomesSlices) {
  std::vector<MrdLine> lines;
  const at::Tensor slices = at::tensor({1.0, -2.0, 0.5, 3.0});
  const at::Tensor along = at::fft_fftshift(at::fft_fft(at::fft_ifftshift(slices), {}, 0, "ortho"));
  for (int partition = 0; partition < 4; ++partition) {
    for (MrdLine line : spokes()) {
      line.samples = line.samples * along[partition];
      line.partition = partition;
      lines.push_back(line);
    }
  }
  const KspaceSet set = read(radial_header(4), lines);
  ASSERT_EQ(set.ids.size(), 4U);
  const at::Tensor one = read(radial_header(), spokes()).kspace[0];
  for (std::int64_t z = 0; z < 4; ++z) {
    EXPECT_TRUE(at::allclose(set.kspace[z], one * slices[z].item<double>(), 1e-4, 1e-3)) << z;
  }
  lines[7].positions = lines[7].positions * 0.9;
  EXPECT_NE(fault(radial_header(4), lines).find("the same trajectory"), std::string::npos);
}

TEST_F(TrajectoryFile, WhatIsNoPlaneOfPositionsIsRefused) {
  std::vector<MrdLine> lines = spokes();
  lines[3].positions = at::Tensor();
  EXPECT_NE(fault(radial_header(), lines).find("where its samples lie"), std::string::npos);
  lines[3].positions = at::cat({spoke(0.3), spoke(0.4).narrow(1, 0, 1)}, 1);
  EXPECT_NE(fault(radial_header(), lines).find("two dimensions"), std::string::npos);
  lines[3].positions = spoke(0.3);
  lines[3].positions[2][1] = NAN;
  EXPECT_NE(fault(radial_header(), lines), "");
}

}  // namespace
}  // namespace recon
