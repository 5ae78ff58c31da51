// Noise that differs from entry to entry, and entries that were not measured, from a set of data to its posterior.
#include <ATen/ATen.h>

#include "operators/diagnostics.h"
#include "priors/gaussian_prior.h"
#include "recon/core/rng.h"
#include "recon/pipeline/items/noise_section.h"
#include "recon/pipeline/items/operator_source.h"
#include "recon/pipeline/solve/item_runner.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

constexpr std::int64_t size = 12;
const TensorSpec image{{1, size, size}, ScalarKind::real};

/// White images with a smooth part: a constant of variance 0.05 and 0.02 in each pixel.
std::shared_ptr<const GaussianPrior> prior() {
  at::Tensor power = at::full({1, size, size}, 0.02, at::kDouble);
  power[0][0][0] += 0.05 * size * size;
  return std::make_shared<GaussianPrior>(at::zeros({1, size, size}, at::kDouble), Covariance::stationary(power));
}

/// Variances from 0.001 to 1 times 0.04, and a tenth of the entries not measured at all.
at::Tensor random_map(const TensorSpec& range, std::uint64_t seed, double share = 0.1) {
  const at::Tensor u = Rng(seed, "map").uniform({{0, 0}}, 0, {{2, range.numel()}, ScalarKind::real});
  const at::Tensor std = 0.2 * at::pow(at::scalar_tensor(10.0, at::kDouble), -1.5 * u[0][0]);
  return at::where(u[0][1] < share, at::full_like(std, NAN), std).view(range.shape);
}

/// Data of one draw of the prior, with NaN where nothing was measured.
MeasurementSet data_of(const std::string& operator_config, std::uint64_t seed, double share = 0.1) {
  MeasurementSet set;
  set.header.image = image;
  set.header.range = {-1, 1};
  set.header.operator_config = operator_config;
  const YamlNodePtr config = parse_yaml(operator_config, {.name = "test", .folder = {}});
  const OperatorPtr op = build_operator(config, "operator", image, "test").op;
  set.header.std_map = random_map(op->range(), seed, share);
  set.header.noise = {.type = NoiseType::gaussian, .std = {typical_std(set.header.std_map)}, .peak = 0};
  const at::Tensor truth = prior()->sample(Rng(seed, "truth"), {{seed, 0}}, at::kDouble);
  const at::Tensor clean = op->apply(truth);
  const at::Tensor noise = Rng(seed, "noise").normal({{seed, 0}}, 0, op->range(), at::kDouble);
  set.y = clean + noise * set.header.std_map;
  set.ground_truth = truth;
  set.ids = {"one"};
  return set;
}

ItemSource source_of(const MeasurementSet& set) {
  ItemOptions options;
  options.check_noise_level = false;
  return ItemSource::of(set, "m.h5", options);
}

/// What the map says by itself: rows of A over their standard deviation, without those that are not measured.
GaussianPosterior exact_posterior(const MeasurementSet& set) {
  const YamlNodePtr config = parse_yaml(set.header.operator_config, {.name = "test", .folder = {}});
  const OperatorPtr op = build_operator(config, "operator", image, "test").op;
  const std::int64_t n = image.numel();
  const at::Tensor matrix = op->apply(at::eye(n, at::kDouble).view({n, 1, size, size})).flatten(1).t();
  const at::Tensor std = set.header.std_map.flatten(), measured = at::isfinite(std).nonzero().squeeze(1);
  const at::Tensor weight = std.index({measured}).reciprocal();
  return prior()->posterior(matrix.index({measured}) * weight.unsqueeze(1),
                            (set.y.flatten().index({measured}) * weight).unsqueeze(0), 1);
}

MethodResult solved(const MeasurementSet& set, const std::string& solver, std::int64_t samples) {
  std::set<std::string> taken;
  YamlOptions section(parse_yaml(solver, {.name = "test", .folder = {}}), "solver");
  const ItemRunner runner(named_solver(section, taken), prior(), ComplexImage::none, "test", {.maps = false});
  ItemSource source = source_of(set);
  Controls controls;
  controls.seed = 5;
  return runner.run(source.prepare(0, c10::kCPU), samples, controls);
}

TEST(NoiseMap, IsWhitenedAndWhatIsNotMeasuredIsNoData) {
  const MeasurementSet set = data_of("{type: identity}", 1);
  const PreparedItem item = source_of(set).prepare(0, c10::kCPU);
  const auto missing = at::isfinite(set.header.std_map).logical_not().sum().item<std::int64_t>();
  ASSERT_GT(missing, 5);
  EXPECT_EQ(item.op->measured_components(), size * size - missing);
  EXPECT_TRUE(at::isfinite(item.y).all().item<bool>());
  const Fit truth = fit_of(set.ground_truth.to(at::kFloat), item);
  EXPECT_NEAR(truth.chi2, 1, 5 * truth.chi2_error);
  const at::Tensor squares = item.noise.weights.square() * item.op->support().to(at::kFloat);
  EXPECT_NEAR(squares.sum().item<double>(), static_cast<double>(size * size - missing), 0.01) << "its energy is kept";
}

// chi² of the truth, judged by the map itself: 200 random maps, operators and shares of what is not measured.
TEST(NoiseMap, TheTruthExplainsTheDataInTwoHundredRandomCases) {
  const std::vector<std::string> operators = {"{type: identity}", "{type: blur, std_px: 1}", "{type: fourier}",
                                              "{type: inpainting}", "{type: radon, angles: 5}"};
  double sum = 0, variance = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::string& op = operators[i % operators.size()];
    const MeasurementSet set = data_of(op, i, 0.02 * static_cast<double>(i % 7));
    const PreparedItem item = source_of(set).prepare(0, c10::kCPU);
    const Fit fit = fit_of(set.ground_truth.to(at::kFloat), item);
    const at::Tensor measured =
        at::isfinite(set.header.std_map)
            .logical_and(item.op->support().defined() ? item.op->support().expand(item.op->range().shape) != 0
                                                      : at::ones(item.op->range().shape, at::kBool));
    const std::int64_t components =
        (item.op->range().scalar == ScalarKind::complex ? 2 : 1) * measured.sum().item<std::int64_t>();
    EXPECT_EQ(item.op->measured_components(), components) << op << i;
    EXPECT_LT(std::abs(fit.chi2 - 1), 6 * fit.chi2_error) << op << i;
    sum += fit.chi2 - 1;
    variance += fit.chi2_error * fit.chi2_error;
  }
  EXPECT_LT(std::abs(sum), 4 * std::sqrt(variance)) << "on average 1";
}

// Samples under a map whose variances span a thousandfold are those of the posterior that the map says; with one level
// for all the mean is far off. What the last steps leave out of the spread shows where entries are known best: a tenth.
TEST(NoiseMap, ThePosteriorIsTheMaps) {
  for (const std::string op : {"{type: identity}", "{type: blur, std_px: 0.7}"}) {
    const MeasurementSet set = data_of(op, 3);
    const GaussianPosterior exact = exact_posterior(set);
    constexpr std::int64_t samples = 32;
    const auto far = [&](const MethodResult& result) {
      const at::Tensor off = (result.x.to(at::kDouble) - exact.mean[0]) / exact.std;
      return off.square().mean().sqrt().item<double>() * std::sqrt(static_cast<double>(samples));
    };
    const auto spread = [&](const MethodResult& result) {
      return (result.std.to(at::kDouble).square() / exact.std.square()).mean().sqrt().item<double>();
    };
    for (const std::string solver : {"{type: pigdm, steps: 100}", "{type: dps, steps: 40}"}) {
      const MethodResult result = solved(set, solver, samples);
      std::printf("%s %s: mean %.2f sampling errors, std %.3f of the exact\n", op.c_str(), solver.c_str(), far(result),
                  spread(result));
      EXPECT_LT(far(result), 1.6) << op << solver;
      EXPECT_NEAR(spread(result), 1, 0.16) << op << solver;
    }
    MeasurementSet flat = set;
    flat.header.std_map =
        at::where(at::isfinite(set.header.std_map), at::full_like(set.header.std_map, set.header.noise.std.front()),
                  set.header.std_map);
    EXPECT_GT(far(solved(flat, "{type: dps, steps: 40}", samples)), 2) << op;
  }
}

TEST(NoiseMap, EverySolverTakesItOrSaysThatItCannot) {
  const MeasurementSet set = data_of("{type: blur, std_px: 0.7}", 4);
  const at::Tensor exact = exact_posterior(set).mean[0];
  for (const std::string solver : {"tv_pdhg", "tgv_pdhg", "tv_admm", "tikhonov_cg", "wavelet_fista", "lsqr", "diffpir",
                                   "plug_and_play", "daps", "pnp_dm"}) {
    const MethodResult result = solved(set, "{type: " + solver + "}", 1);
    const double off = (result.x.to(at::kDouble) - exact).square().mean().sqrt().item<double>();
    EXPECT_LT(off, 0.2) << solver << " (images have a standard deviation of 0.26)";
    EXPECT_LT(result.rows.front().figure("chi2"), 2) << solver;
  }
  for (const std::string solver : {"wiener", "ddrm", "ddnm"}) {
    try {
      solved(set, "{type: " + solver + "}", 1);
      ADD_FAILURE() << solver << " took it";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
    }
  }
}

TEST(NoiseMap, IsRefusedWhereItIsNone) {
  EXPECT_NE(std_map_fault(at::zeros({2, 2})), "");
  EXPECT_NE(std_map_fault(at::full({2, 2}, -1.0)), "");
  EXPECT_NE(std_map_fault(at::full({2, 2}, NAN)), "");
  EXPECT_NE(std_map_fault(at::ones({2, 2}, at::kLong)), "");
  EXPECT_EQ(std_map_fault(at::ones({2, 2})), "");
  const TensorSpec measurement{{1, 4, 4}, ScalarKind::real};
  EXPECT_EQ(std_map_of(at::ones({4, 4}), 3, measurement, "here").sizes(), (at::IntArrayRef{1, 4, 4}));
  EXPECT_EQ(std_map_of(at::ones({3, 4, 4}), 3, measurement, "here").sizes(), (at::IntArrayRef{3, 1, 4, 4}));
  EXPECT_THROW(std_map_of(at::ones({2, 4, 4}), 3, measurement, "here"), Error);
  EXPECT_DOUBLE_EQ(typical_std(at::tensor({1.0, 1.0, static_cast<double>(NAN)})), 1);
  EXPECT_NEAR(typical_std(at::tensor({1.0, 1e9})), std::sqrt(2.0), 1e-9);
}

}  // namespace
}  // namespace recon
