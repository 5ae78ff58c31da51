// `image_range: {from: adjoint, quantile: q}`: white is found in the data, at the level of the image.
#include "recon/pipeline/items/measured_range.h"

#include <ATen/ATen.h>

#include "data/measurement_file.h"
#include "recon/core/rng.h"
#include "recon/pipeline/items/input_plan.h"
#include "recon/pipeline/items/opened_input.h"
#include "recon/pipeline/items/operator_source.h"
#include "recon/pipeline/solve/figures.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

const TensorSpec square{{1, 32, 32}, ScalarKind::real};

OperatorPtr op_of(const std::string& config, const TensorSpec& image = square) {
  return build_operator(parse_yaml(config, {.name = "test", .folder = {}}), "operator", image, "test").op;
}

/// Smooth, from 0 to `white`.
at::Tensor hill(double white) {
  const at::Tensor axis = (at::arange(32, at::kDouble) - 16).square();
  return (white * at::exp(-axis.view({-1, 1}) / 80) * at::exp(-axis / 80)).view({1, 1, 32, 32}).to(at::kFloat);
}

double white_of(const std::string& config, const at::Tensor& x, double quantile = 1) {
  const OperatorPtr op = op_of(config, {{1, 32, 32}, scalar_kind_of(x)});
  MeasuredRange how;
  how.quantile = quantile;
  return measured_range(how, op, op->apply(x), "here").high;
}

TEST(MeasuredRange, IsThatOfTheImageWhereAllIsMeasured) {
  const at::Tensor x = hill(3000);
  EXPECT_NEAR(white_of("{type: identity}", x), 3000, 1);
  EXPECT_NEAR(white_of("{type: scale, factor: 0.01, operators: [{type: identity}]}", x), 3000, 1) << "a gain";
  EXPECT_NEAR(white_of("{type: fourier, pattern: full}", x.to(at::kComplexFloat)), 3000, 1);
  const at::Tensor sorted = std::get<0>(x.flatten().sort());
  EXPECT_NEAR(white_of("{type: identity}", x, 0.99), sorted[1013].item<double>(), 1);
}

// Near it where some is missing or smeared, far from the scale of the data themselves.
TEST(MeasuredRange, IsNearThatOfTheImageElsewhere) {
  const at::Tensor x = hill(3000);
  EXPECT_NEAR(white_of("{type: super_resolution, factor: 2}", x), 3000, 150);
  EXPECT_NEAR(white_of("{type: blur, std_px: 1.5}", x), 3000, 450);
  EXPECT_NEAR(white_of("{type: radon, angles: 60}", x), 3000, 300);
  EXPECT_NEAR(white_of("{type: radon, angles: 60, range_deg: 360, source_px: 60}", x), 3000, 450);
  EXPECT_NEAR(white_of("{type: nufft, spokes: 24}", x.to(at::kComplexFloat)), 3000, 300);
  EXPECT_NEAR(white_of("{type: fourier, acceleration: 3, center_lines: 8}", x.to(at::kComplexFloat)), 3000, 600);
}

// What `scale: auto` goes by: a unitary transform as it is; averages of 4 or 9 pixels, whose adjoint is darker by so
// much, at the level of the image; a gain is undone.
TEST(MeasuredRange, TheAdjointImageIsFittedToTheData) {
  const auto brightest = [](const std::string& config, const at::Tensor& x) {
    const OperatorPtr op = op_of(config, {{1, 32, 32}, scalar_kind_of(x)});
    const auto linear = as_linear(op, "test");
    return fitted_adjoint_magnitudes(*linear, op->apply(x)).max().item<double>();
  };
  const at::Tensor x = hill(3000), flat = at::full_like(x, 3000);
  EXPECT_NEAR(brightest("{type: super_resolution, factor: 2}", flat), 3000, 1);
  EXPECT_NEAR(brightest("{type: super_resolution, factor: 4}", flat), 3000, 1);
  EXPECT_NEAR(brightest("{type: scale, factor: 0.01, operators: [{type: identity}]}", x), 3000, 1);
  const OperatorPtr half = op_of("{type: fourier, acceleration: 2}", {{1, 32, 32}, ScalarKind::complex});
  const at::Tensor y = half->apply(x.to(at::kComplexFloat));
  const double zero_filled = as_linear(half, "test")->adjoint(y).abs().max().item<double>();
  EXPECT_NEAR(brightest("{type: fourier, acceleration: 2}", x.to(at::kComplexFloat)), zero_filled, 1e-3 * zero_filled);
}

TEST(MeasuredRange, NeedsALinearOperatorAndData) {
  MeasuredRange how;
  const OperatorPtr clipping = op_of("{type: clipping}"), identity = op_of("{type: identity}");
  EXPECT_THROW(measured_range(how, clipping, hill(1), "here"), Error);
  EXPECT_THROW(measured_range(how, identity, hill(0), "here"), Error);
}

MeasurementSet two_items() {
  MeasurementSet set;
  set.header.image = square;
  set.header.range = {0, 1};
  set.header.operator_config = "{type: identity}";
  set.header.noise = {.type = NoiseType::gaussian, .std = {1}, .peak = 0};
  set.y = at::cat({hill(100), hill(400)}) + Rng(1, "noise").normal({{0, 0}, {1, 0}}, 0, square, at::kFloat);
  set.ground_truth = at::cat({hill(700), hill(700)});  // another scale: nobody may look at it
  set.ids = {"faint", "bright"};
  return set;
}

TEST(MeasuredRange, IsOfEachItemAndInTheResult) {
  const std::filesystem::path folder = test::scratch_folder();
  const std::string file = (folder / "m.h5").string();
  write_measurement_file(file, two_items());
  const std::string section = "{files: " + file + ", image_range: {from: adjoint, quantile: 1}}";
  const InputPlan plan = read_input_plan(parse_yaml(section, {.name = "test", .folder = {}}));
  EXPECT_EQ(plan.resolved["image_range"]["quantile"], 1.0);
  OpenedInput input = open_single_input(plan, {});
  PreparedItem faint = input.source.prepare(0, c10::kCPU), bright = input.source.prepare(1, c10::kCPU);
  EXPECT_NEAR(faint.range.high, 100, 5);
  EXPECT_NEAR(bright.range.high, 400, 5);
  EXPECT_EQ(input.source.header().range, bright.range) << "of the middle item, for pictures of all";
  const auto found = evaluated_figures(bright.y, bright, Report{}, 1, nullptr, fit_of(bright.y, bright));
  EXPECT_DOUBLE_EQ(found.at("white"), bright.range.high);
  bright.range_measured = false;
  EXPECT_FALSE(evaluated_figures(bright.y, bright, Report{}, 1, nullptr, fit_of(bright.y, bright)).contains("white"));
  EXPECT_THROW(read_input_plan(parse_yaml("{files: a.h5, image_range: {from: truth}}", {.name = "t", .folder = {}})),
               Error);
  EXPECT_THROW(read_input_plan(parse_yaml("{files: a.h5, image_range: {quantile: 1.5}}", {.name = "t", .folder = {}})),
               Error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace recon
