// Radial raw data through the real program: a phantom in six coils whose noise is correlated, by the Fourier sum
// itself.
#include <numbers>

#include "data/measurement_file.h"
#include "data/result_file.h"
#include "operators/mri/channels.h"
#include "operators/mri/coil_maps.h"
#include "recon/core/rng.h"
#include "tests/commands/program.h"
#include "tests/data/ismrmrd_writer.h"

namespace recon {
namespace {

using testing_data::MrdHeader;
using testing_data::MrdLine;

constexpr std::int64_t side = 48, coils = 6;

/// Ellipses of smooth edges around the middle, real.
at::Tensor head() {
  const at::Tensor axis = (at::arange(side, at::kDouble) - side / 2) / side;
  const at::Tensor y = axis.unsqueeze(1), x = axis;
  const auto ellipse = [&](double top, double left, double high, double wide) {
    const at::Tensor r = ((y - top) / high).square() + ((x - left) / wide).square();
    return at::sigmoid((1 - r.sqrt()) * 20);
  };
  return 0.5 * ellipse(0, 0, 0.36, 0.28) + 0.4 * ellipse(-0.1, 0.08, 0.08, 0.06) + 0.3 * ellipse(0.14, -0.06, 0.1, 0.1);
}

/// sum_r S_c x exp(-2 pi i k r) / side at k [n, 2] in cycles per pixel: [coils, n].
at::Tensor fourier_sum(const at::Tensor& k) {
  const at::Tensor r = at::arange(side, at::kDouble) - side / 2;
  const auto phases = [&](std::int64_t axis) {
    const at::Tensor angle = k.select(1, axis).unsqueeze(1) * r * (-2 * std::numbers::pi);
    return at::polar(at::ones_like(angle), angle);
  };
  const at::Tensor maps = simulated_coil_maps({{1, side, side}, ScalarKind::complex}, coils).squeeze(0);
  return (at::matmul(phases(0), maps * head()) * phases(1)).sum(2) / static_cast<double>(side);
}

class RadialScan : public ProgramTest {
 protected:
  static constexpr double noise_std = 0.01;

  static at::Tensor noise(std::int64_t samples, std::uint32_t step) {
    const at::Tensor white =
        Rng(7, "radial scan").normal({StreamKey{}}, step, {{coils, samples}, ScalarKind::complex}, at::kDouble)[0];
    const at::Tensor mixing = at::eye(coils, white.options()) + 0.3 * at::ones({coils, coils}, white.options());
    return noise_std * at::matmul(mixing, white);
  }

  /// Spokes of twice the field of view, its own noise, and a noise scan.
  void write_spokes(const std::string& name, int spokes, int repetitions = 1) const {
    std::vector<MrdLine> lines = {{.samples = 300 * noise(4000, 1000)}};
    lines.front().flags = {ISMRMRD::ISMRMRD_ACQ_IS_NOISE_MEASUREMENT};
    for (int i = 0; i < spokes * repetitions; ++i) {
      const double angle = std::numbers::pi * i * (std::sqrt(5.0) - 1) / 2;
      const at::Tensor radius = (at::arange(2 * side, at::kDouble) - side) / (2 * side);
      const at::Tensor k = at::stack({radius * std::sin(angle), radius * std::cos(angle)}, 1);
      MrdLine line{.samples = 300 * (fourier_sum(k) + noise(2 * side, static_cast<std::uint32_t>(i))),
                   .step = i,
                   .repetition = i / spokes,
                   .positions = k};
      lines.push_back(line);
    }
    const MrdHeader header{
        .rows = 2 * side, .columns = 2 * side, .row_share = 0.5, .column_share = 0.5, .trajectory = "radial"};
    testing_data::write_mrd(path(name).string(), header.xml(), lines);
  }

  /// Error of the reconstruction over the norm of the coils' root sum of squares, after the best scale.
  double error_of(const at::Tensor& image) const {
    const at::Tensor a = image.abs().to(at::kDouble).flatten(), b = head().flatten();
    const at::Tensor scaled = a * ((a * b).sum() / a.square().sum());
    return ((scaled - b).norm() / b.norm()).item<double>();
  }
};

TEST_F(RadialScan, BecomesAnImage) {
  write_spokes("radial.h5", 40);
  const Outputs described = recon("inspect radial.h5 --json");
  ASSERT_EQ(described.exit_code, 0) << described.err;
  EXPECT_EQ(described.json()["matrix"], nlohmann::json::array({2 * side, 2 * side}));
  const Outputs imported = recon("import radial.h5 -o m.h5 --json");
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  const MeasurementFile file = MeasurementFile::open(path("m.h5").string());
  EXPECT_EQ(file.header().image.shape, (Shape{1, side, side}));
  // The level is that of the whitened coils: the root of the mean variance of the file's own, in the units of the file.
  const Outputs run = recon("run m.h5 -q --json --solver '{type: tikhonov_cg, penalty: gradient}' -o r.h5");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NEAR(run.json()["items"][0]["chi2"].get<double>(), 1, 0.1);
  const double error = error_of(read_result_file(path("r.h5").string()).main.reconstructions[0][0]);
  std::printf("40 spokes of 48 pixels in 6 coils: error %.3f of the norm\n", error);
  EXPECT_LT(error, 0.08);
  const Outputs checked = recon("inspect m.h5 --check");
  EXPECT_EQ(checked.exit_code, 0) << checked.out;
}

TEST_F(RadialScan, FramesShareTheMapsOfTheirAverage) {
  write_spokes("frames.h5", 12, 4);
  const Outputs imported = recon("import frames.h5 -o m.h5 --json --set coils=4");
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  const MeasurementFile file = MeasurementFile::open(path("m.h5").string());
  EXPECT_EQ(file.count(), 4);
  EXPECT_EQ(file.measurement().shape, (Shape{4, 12 * 2 * side})) << "virtual coils";
  EXPECT_TRUE(file.header().operator_arrays.contains("coil_maps"));
  EXPECT_EQ(file.per_item_arrays(), (std::vector<std::string>{"positions"}));
  const Outputs run = recon("run m.h5 -q --json --set 'items=[slice0_repetition2]' --solver tv_pdhg -o r.h5");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_LT(error_of(read_result_file(path("r.h5").string()).main.reconstructions[0][0]), 0.12);
  expect_error("import frames.h5 -o n.h5 --set 'undersampling={acceleration: 2}'", 2, {"undersampling", "Cartesian"});
  expect_error("import frames.h5 -o n.h5 --set coil_maps=later", 2, {"later"});
  expect_error("import frames.h5 -o n.h5 --set trajectory_units=cycles_per_field_of_view", 3, {"middle", "coil maps"});
}

// Samples on the grid itself are what a Cartesian file holds: both imports agree.
TEST_F(RadialScan, OnTheGridItIsTheCartesianImport) {
  std::vector<MrdLine> grid, free;
  MrdLine scan{.samples = noise(4000, 1000)};
  scan.flags = {ISMRMRD::ISMRMRD_ACQ_IS_NOISE_MEASUREMENT};
  grid.push_back(scan);
  free.push_back(scan);
  for (int column = 0; column < side; ++column) {
    const at::Tensor rows = (at::arange(side, at::kDouble) - side / 2) / side;
    const at::Tensor k = at::stack({rows, at::full_like(rows, (column - side / 2) / static_cast<double>(side))}, 1);
    MrdLine line{.samples = fourier_sum(k) + noise(side, static_cast<std::uint32_t>(column)),
                 .centre = side / 2,
                 .step = column};
    grid.push_back(line);
    line.positions = k;
    free.push_back(line);
  }
  MrdHeader header{.rows = side, .columns = side};
  header.limits = MrdHeader::limit("kspace_encoding_step_1", side - 1, side / 2);
  testing_data::write_mrd(path("grid.h5").string(), header.xml(), grid);
  header.trajectory = "other";
  testing_data::write_mrd(path("free.h5").string(), header.xml(), free);
  ASSERT_EQ(recon("import grid.h5 -o a.h5").exit_code, 0);
  const Outputs got = recon("import free.h5 -o b.h5");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const MeasurementItem a = MeasurementFile::open(path("a.h5").string()).item(0);
  const MeasurementFile of_positions = MeasurementFile::open(path("b.h5").string());
  const MeasurementItem b = of_positions.item(0);
  const at::Tensor lines = b.y.view({coils, side, side}).transpose(1, 2);
  const double scale = (a.y.norm() / lines.norm()).item<double>();
  EXPECT_NEAR(scale, 1, 0.01) << "white is found on the same centre, but for its edge";
  EXPECT_TRUE(at::allclose(lines * scale, a.y, 1e-3, 1e-5));
  EXPECT_NEAR(b.noise_std * scale, a.noise_std, 1e-3 * a.noise_std);
  const at::Tensor maps = of_positions.header().operator_arrays.at("coil_maps"), theirs = a.arrays.at("coil_maps");
  const at::Tensor cosine = (maps.conj() * theirs).sum(0).abs() /
                            (maps.abs().square().sum(0) * theirs.abs().square().sum(0)).sqrt().clamp_min(1e-6);
  EXPECT_GT(cosine.masked_select(head() > 0.2).min().item<double>(), 0.995);
}

}  // namespace
}  // namespace recon
