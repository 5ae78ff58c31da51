// Correlated noise, from a set of data to its posterior: coloured noise of a picture, noise that coils share.
#include <ATen/ATen.h>

#include "data/measurement_file.h"
#include "operators/noise_correlation.h"
#include "priors/gaussian_prior.h"
#include "recon/core/rng.h"
#include "recon/pipeline/items/held_out.h"
#include "recon/pipeline/items/operator_source.h"
#include "recon/pipeline/solve/item_runner.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

constexpr std::int64_t side = 12;
const TensorSpec picture{{1, side, side}, ScalarKind::real};

std::shared_ptr<const GaussianPrior> smooth_prior() {
  at::Tensor power = at::full({1, side, side}, 0.02, at::kDouble);
  power[0][0][0] += 0.05 * side * side;
  return std::make_shared<GaussianPrior>(at::zeros({1, side, side}, at::kDouble), Covariance::stationary(power));
}

/// Stripes: noise of low frequencies along the rows, over a hundredfold in power.
NoiseCorrelation stripes(std::int64_t height, std::int64_t width) {
  const at::Tensor rows = at::fft_fftshift(at::fft_fftfreq(height, 1, at::kDouble)).unsqueeze(1);
  const at::Tensor columns = at::fft_fftshift(at::fft_fftfreq(width, 1, at::kDouble));
  return {.covariance = {}, .spectrum = 0.004 + 0.4 * at::exp(-rows.square() / 0.3 - columns.square() / 0.01)};
}

OperatorPtr operator_of(const std::string& config) {
  return build_operator(parse_yaml(config, {.name = "test", .folder = {}}), "operator", picture, "test").op;
}

MeasurementSet striped_data(const std::string& config, std::uint64_t seed, std::int64_t items = 1) {
  MeasurementSet set;
  set.header.image = picture;
  set.header.range = {-1, 1};
  set.header.operator_config = config;
  const OperatorPtr op = operator_of(config);
  const Shape& range = op->range().shape;
  set.header.correlation = stripes(range[1], range[2]);
  set.header.noise = {.type = NoiseType::gaussian, .std = {set.header.correlation.typical_std()}, .peak = 0};
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < items; ++i) keys.push_back({seed, static_cast<std::uint32_t>(i)});
  const at::Tensor truth = smooth_prior()->sample(Rng(seed, "truth"), keys, at::kDouble);
  const at::Tensor white = Rng(seed, "noise").normal(keys, 0, op->range(), at::kDouble);
  set.y = op->apply(truth) + noise_filter(set.header.correlation, 0.5, op->range())->apply(white);
  set.ground_truth = truth;
  for (std::int64_t i = 0; i < items; ++i) set.ids.push_back("item " + std::to_string(i));
  return set;
}

ItemSource quiet_source(const MeasurementSet& set, double hold_out = 0) {
  ItemOptions options;
  options.check_noise_level = false;
  options.hold_out = hold_out;
  return ItemSource::of(set, "m.h5", options);
}

/// By dense matrices and the Cholesky factor L of the covariance: the rows of L^-1 A and L^-1 y have unit noise.
GaussianPosterior dense_posterior(const MeasurementSet& set) {
  const OperatorPtr op = operator_of(set.header.operator_config);
  const std::int64_t n = picture.numel(), m = op->range().numel();
  const at::Tensor matrix = op->apply(at::eye(n, at::kDouble).view({n, 1, side, side})).flatten(1).t();
  Shape units = op->range().shape;
  units.insert(units.begin(), m);
  const at::Tensor covariance =
      noise_filter(set.header.correlation, 1, op->range())->apply(at::eye(m, at::kDouble).view(units)).flatten(1);
  const at::Tensor lower = std::get<0>(at::linalg_cholesky_ex(covariance));
  const auto whitened = [&](const at::Tensor& columns) { return at::linalg_solve_triangular(lower, columns, false); };
  return smooth_prior()->posterior(whitened(matrix), whitened(set.y[0].flatten().unsqueeze(1)).t(), 1);
}

MethodResult solved_by(const MeasurementSet& set, const std::string& solver, std::int64_t samples) {
  std::set<std::string> taken;
  YamlOptions section(parse_yaml(solver, {.name = "test", .folder = {}}), "solver");
  const ItemRunner runner(named_solver(section, taken), smooth_prior(), ComplexImage::none, "test", {.maps = false});
  ItemSource source = quiet_source(set);
  Controls controls;
  controls.seed = 5;
  return runner.run(source.prepare(0, c10::kCPU), samples, controls);
}

TEST(CorrelatedNoise, TheTruthExplainsTheData) {
  double sum = 0, variance = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const MeasurementSet set = striped_data(seed % 2 == 0 ? "{type: identity}" : "{type: radon, angles: 9}", seed);
    const Fit fit = fit_of(set.ground_truth.to(at::kFloat), quiet_source(set).prepare(0, c10::kCPU));
    EXPECT_LT(std::abs(fit.chi2 - 1), 6 * fit.chi2_error) << seed;
    sum += fit.chi2 - 1;
    variance += fit.chi2_error * fit.chi2_error;
  }
  EXPECT_LT(std::abs(sum), 4 * std::sqrt(variance)) << "on average 1";
}

// Samples are those of the posterior under the full covariance; under white noise of the same variance they are not.
TEST(CorrelatedNoise, ThePosteriorIsThatOfTheCovariance) {
  const MeasurementSet set = striped_data("{type: blur, std_px: 0.7}", 3);
  const GaussianPosterior exact = dense_posterior(set);
  constexpr std::int64_t samples = 32;
  const auto far = [&](const MethodResult& result) {
    const at::Tensor off = (result.x.to(at::kDouble) - exact.mean[0]) / exact.std;
    return off.square().mean().sqrt().item<double>() * std::sqrt(static_cast<double>(samples));
  };
  for (const std::string solver : {"{type: pigdm, steps: 100}", "{type: dps, steps: 40}"}) {
    const MethodResult result = solved_by(set, solver, samples);
    const double spread = (result.std.to(at::kDouble) / exact.std).square().mean().sqrt().item<double>();
    std::printf("%s: mean %.2f sampling errors, std %.3f of the exact\n", solver.c_str(), far(result), spread);
    EXPECT_LT(far(result), 1.6) << solver;
    EXPECT_NEAR(spread, 1, 0.16) << solver;
  }
  MeasurementSet flat = set;
  flat.header.noise.std = {std::sqrt(set.header.correlation.spectrum.mean().item<double>())};
  flat.header.correlation = {};
  EXPECT_GT(far(solved_by(flat, "{type: dps, steps: 40}", samples)), 2);
}

TEST(CorrelatedNoise, EverySolverTakesItOrSaysThatItCannot) {
  const MeasurementSet set = striped_data("{type: blur, std_px: 0.7}", 4);
  const at::Tensor exact = dense_posterior(set).mean[0];
  for (const std::string solver : {"tv_pdhg", "tgv_pdhg", "tv_admm", "tikhonov_cg", "wavelet_fista", "lsqr", "diffpir",
                                   "plug_and_play", "daps", "pnp_dm", "red_diff"}) {
    const MethodResult result = solved_by(set, "{type: " + solver + "}", 1);
    // Least squares know no image but the data: what they leave in is the noise of the stripes.
    const double bound = solver == "lsqr" ? 0.8 : 0.2;
    EXPECT_LT((result.x.to(at::kDouble) - exact).square().mean().sqrt().item<double>(), bound) << solver;
    EXPECT_LT(result.rows.front().figure("chi2"), 2) << solver;
  }
  for (const std::string solver : {"wiener", "ddrm", "ddnm", "fbp", "richardson_lucy"}) {
    try {
      solved_by(set, "{type: " + solver + "}", 1);
      ADD_FAILURE() << solver << " took it";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
      EXPECT_NE(std::string(error.what()).find(solver), std::string::npos) << error.what();
    }
  }
}

TEST(CorrelatedNoise, ItemsAreSolvedTogether) {
  ItemSource source = quiet_source(striped_data("{type: blur, std_px: 0.7}", 5, 2));
  EXPECT_EQ(source.prepare(0, c10::kCPU).op, source.prepare(1, c10::kCPU).op);
}

// The part that is held out has noise of its own: the truth explains both parts, and their errors do not go together.
TEST(CorrelatedNoise, HeldOutDataAreIndependent) {
  double product = 0, seen = 0, held = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const MeasurementSet set = striped_data("{type: identity}", seed);
    const PreparedItem item = quiet_source(set, 0.3).prepare(0, c10::kCPU);
    ASSERT_NE(item.held_out, nullptr);
    const at::Tensor truth = set.ground_truth.to(at::kFloat);
    const at::Tensor a = item.y - item.op->apply(truth), b = item.held_out->y - item.held_out->op->apply(truth);
    product += (a * b).sum().item<double>();
    seen += (a.square() / item.noise.variance).mean().item<double>() / 40;
    held += (b.square() / item.held_out->variance).mean().item<double>() / 40;
  }
  const double sampling = std::sqrt(2.0 / (40 * side * side));
  const double std = stripes(side, side).typical_std();
  EXPECT_NEAR(seen, 1, 5 * sampling);
  EXPECT_NEAR(held, 1, 5 * sampling);
  const double scale = std * std * std::sqrt(40.0 * side * side / (0.3 * 0.7));
  EXPECT_LT(std::abs(product), 5 * scale);
}

TEST(CorrelatedNoise, AFileKeepsIt) {
  const std::filesystem::path folder = test::scratch_folder();
  const MeasurementSet set = striped_data("{type: identity}", 6);
  write_measurement_file((folder / "m.h5").string(), set);
  const MeasurementFile file = MeasurementFile::open((folder / "m.h5").string());
  EXPECT_TRUE(at::allclose(file.header().correlation.spectrum, set.header.correlation.spectrum));
  EXPECT_DOUBLE_EQ(file.header().noise.std.front(), set.header.noise.std.front());
  ItemOptions options;
  options.noise_std = 0.1;
  EXPECT_THROW(ItemSource::of(set, "m.h5", options), Error) << "another level than the covariance's";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace recon
