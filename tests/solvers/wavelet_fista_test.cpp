#include "recon/solvers/classical/wavelet_fista.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "operators/identity.h"
#include "recon/core/error.h"
#include "recon/solvers/classical/operator_norm.h"
#include "recon/solvers/classical/wavelet.h"
#include "tests/solvers/classical_problems.h"
#include "tests/support/paths.h"
#include "tests/support/word.h"

namespace recon::test {
namespace {

const std::vector<std::string> kFamilies{"haar", "db2", "db4"};

nlohmann::json golden() {
  std::ifstream file(test::source_path("tests/golden/classical/wavelets.json"));
  return nlohmann::json::parse(file);
}

at::Tensor image_of(const nlohmann::json& values, const nlohmann::json& shape) {
  return at::tensor(values.get<std::vector<double>>(), at::kDouble)
      .view({1, 1, shape[0].get<std::int64_t>(), shape[1].get<std::int64_t>()});
}

/// Of coefficients c of the problem min 1/2 ||y - A W^T c||² + sum t |c|: how far -gradient is from t times the
/// subdifferential of |c|, at worst.
double optimality_error(const at::Tensor& c, const at::Tensor& descent, const at::Tensor& t) {
  const at::Tensor at_zero = (descent.abs() - t).clamp_min(0);
  const at::Tensor elsewhere = (descent - t * at::sgn(c)).abs();
  return at::where(c.abs() == 0, at_zero, elsewhere).max().item<double>();
}

TEST(Wavelet, IsATightFrameWithItsAdjoint) {
  const TensorSpec image{{2, 48, 32}, ScalarKind::real}, odd{{1, 27, 19}, ScalarKind::real};
  for (const std::string& family : kFamilies) {
    for (const bool undecimated : {false, true}) {
      for (const TensorSpec& spec :
           undecimated ? std::vector<TensorSpec>{image, odd} : std::vector<TensorSpec>{image}) {
        const Wavelet wavelet(word(family), 3, undecimated, spec, "test");
        const at::Tensor x = normal("x", spec, 2), c = wavelet.analyze(x),
                         d = normal("d", {{c.size(1)}, ScalarKind::real}, 2);
        // Filters hold 16 digits; a sum of 64 products per level.
        EXPECT_LT(largest(wavelet.synthesize(c) - x), 1e-12) << family << undecimated;
        EXPECT_NEAR(at::dot(c[0], d[0]).item<double>(), real_inner(x, wavelet.synthesize(d))[0].item<double>(), 1e-10);
        if (!undecimated) {
          EXPECT_EQ(c.size(1), spec.numel());
          EXPECT_LT(largest(wavelet.analyze(wavelet.synthesize(d)) - d), 1e-12) << family;
        }
      }
    }
  }
}

TEST(Wavelet, OfVolumesIsATightFrameWithItsAdjoint) {
  // 16 slices: three levels of haar, two of db2, one of db4 along z; 12: two of each but db4; 3: none but haar's.
  for (const std::int64_t slices : {16, 12, 3, 1}) {
    const TensorSpec volume{{2, slices, 32, 16}, ScalarKind::real};
    for (const std::string& family : kFamilies) {
      for (const bool undecimated : {false, true}) {
        const Wavelet wavelet(word(family), 3, undecimated, volume, "test");
        const at::Tensor x = normal("x", volume, 2), c = wavelet.analyze(x),
                         d = normal("d", {{c.size(1)}, ScalarKind::real}, 2);
        EXPECT_LT(largest(wavelet.synthesize(c) - x), 1e-12) << family << undecimated << slices;
        EXPECT_NEAR(at::dot(c[0], d[0]).item<double>(), real_inner(x, wavelet.synthesize(d))[0].item<double>(), 1e-10);
        EXPECT_EQ(wavelet.penalty(at::kDouble).size(1), c.size(1));
        if (!undecimated) {
          EXPECT_LT(largest(wavelet.analyze(wavelet.synthesize(d)) - d), 1e-12) << family << slices;
        }
      }
    }
  }
}

// Slices that are one image have no details along z, and those of the image otherwise; one slice has nothing else.
TEST(Wavelet, OfEqualSlicesIsThatOfTheSlice) {
  const TensorSpec image = grey(16);
  const at::Tensor x = normal("x", image);
  const Wavelet flat(WaveletFamily::db2, 2, false, image, "test");
  const auto details = [](const Wavelet& w, const at::Tensor& of) {
    return (w.penalty(at::kDouble) * w.analyze(of)).square().sum().item<double>();
  };
  const Wavelet one(WaveletFamily::db2, 2, false, {{1, 1, 16, 16}, ScalarKind::real}, "test");
  EXPECT_TRUE(at::equal(one.analyze(x.unsqueeze(2)), flat.analyze(x)));
  const Wavelet solid(WaveletFamily::db2, 2, false, {{1, 8, 16, 16}, ScalarKind::real}, "test");
  const at::Tensor equal = x.unsqueeze(2).expand({1, 1, 8, 16, 16}), different = normal("z", {{1, 8, 16, 16}});
  EXPECT_NEAR(details(solid, equal) / (8 * details(flat, x)), 1, 1e-12);
  // Each of the two levels hands an eighth of its coefficients on: of noise, 63/64 of the energy are details.
  EXPECT_NEAR(details(solid, different) / different.square().sum().item<double>(), 63.0 / 64, 0.01);
}

TEST(Wavelet, DetailsOfPolynomialsVanish) {
  // db of 2p taps has p vanishing moments: zero details of degree < p away from the periodic border.
  const at::Tensor t = at::linspace(0, 1, 64, at::kDouble);
  for (std::int64_t p : {1, 2, 4}) {
    const std::string family = p == 1 ? "haar" : p == 2 ? "db2" : "db4";
    const Wavelet wavelet(word(family), 1, false, grey(64), "test");
    const auto detail = [&](std::int64_t degree) {  // high along columns' axis: the second band, [32, 32]
      const at::Tensor x = t.pow(degree).view({1, 1, 1, 64}).expand({1, 1, 64, 64});
      return largest(wavelet.analyze(x).narrow(1, 32 * 32, 32 * 32).view({32, 32}).slice(1, 0, 32 - p));
    };
    EXPECT_LT(detail(p - 1), 1e-12) << family;
    EXPECT_GT(detail(p), 1e-6) << family;
  }
}

TEST(Wavelet, UndecimatedPenaltyIsTheMeanOverShifts) {
  const TensorSpec spec = grey(16);
  const at::Tensor x = normal("x", spec);
  for (const std::string family : {"haar", "db2"}) {
    const Wavelet all(word(family), 2, true, spec, "test"), orthonormal(word(family), 2, false, spec, "test");
    const double frame = (all.penalty(at::kDouble) * all.analyze(x).abs()).sum().item<double>();
    double mean = 0;
    for (std::int64_t i = 0; i < 4; ++i) {
      for (std::int64_t j = 0; j < 4; ++j) {
        const at::Tensor c = orthonormal.analyze(x.roll({i, j}, {2, 3}));
        mean += (orthonormal.penalty(at::kDouble) * c.abs()).sum().item<double>() / 16;
      }
    }
    EXPECT_NEAR(frame / mean, 1, 1e-12) << family;
  }
  // Of a volume of 4 slices: haar splits both levels along z, db2 the first.
  const TensorSpec volume{{1, 4, 16, 16}, ScalarKind::real};
  const at::Tensor v = normal("v", volume);
  for (const std::string family : {"haar", "db2"}) {
    const Wavelet all(word(family), 2, true, volume, "test"), orthonormal(word(family), 2, false, volume, "test");
    const double frame = (all.penalty(at::kDouble) * all.analyze(v).abs()).sum().item<double>();
    double mean = 0;
    for (std::int64_t i = 0; i < 64; ++i) {
      const at::Tensor c = orthonormal.analyze(v.roll({i / 16, i / 4 % 4, i % 4}, {2, 3, 4}));
      mean += (orthonormal.penalty(at::kDouble) * c.abs()).sum().item<double>() / 64;
    }
    EXPECT_NEAR(frame / mean, 1, 1e-12) << family;
  }
}

TEST(Wavelet, FrameEqualsPyWavelets) {
  const nlohmann::json g = golden();
  const at::Tensor noisy = image_of(g["noisy"], g["shape"]).narrow(3, 0, 32);
  for (const nlohmann::json& c : g["cases"]) {
    const std::int64_t levels = c["levels"];
    const Wavelet wavelet(word(c["wavelet"].get<std::string>()), levels, true, grey(32), "test");
    ASSERT_EQ(wavelet.levels(), levels);
    const at::Tensor bands = wavelet.analyze(noisy).view({-1, 32 * 32}).abs().sum(1);
    for (std::int64_t level = 0; level < levels; ++level) {
      const double expected = c["frame_l1_of_details_finest_first"][static_cast<std::size_t>(level)];
      EXPECT_NEAR(bands.narrow(0, 3 * level, 3).sum().item<double>() / expected, 1, 1e-11) << c["wavelet"] << level;
    }
    const double expected = c["frame_l1_of_approximation"];
    EXPECT_NEAR(bands[3 * levels].item<double>() / expected, 1, 1e-11) << c["wavelet"];
  }
}

TEST(Wavelet, RefusesImagesWithoutALevel) {
  EXPECT_THROW(Wavelet(WaveletFamily::haar, 1, false, {{1, 15, 16}, ScalarKind::real}, "test"), Error);
  EXPECT_THROW(Wavelet(WaveletFamily::db4, 1, true, {{1, 4, 16}, ScalarKind::real}, "test"), Error);
  EXPECT_EQ(Wavelet(WaveletFamily::db2, 9, false, grey(48), "test").levels(), 4);
}

TEST(WaveletFista, DenoisingIsSoftThresholdingOfPyWavelets) {
  const nlohmann::json g = golden();
  const at::Tensor noisy = image_of(g["noisy"], g["shape"]);
  const LinearOperatorPtr op = make_identity({{1, noisy.size(2), noisy.size(3)}, ScalarKind::real});
  const Problem problem{.op = op, .y = noisy, .noise_std = {0.15}, .keys = {{0, 0}}, .image = op->domain()};
  for (const nlohmann::json& c : g["cases"]) {
    WaveletFista solver;
    solver.wavelet = word(c["wavelet"]);
    solver.levels = c["levels"];
    solver.undecimated = false;
    solver.weight = g["threshold"].get<double>();
    solver.tolerance = 1e-12;
    // The golden has 14 decimals; the step is 1/1.02, so that the iteration ends at its tolerance times ||c|| ~ 20.
    EXPECT_LT(largest(solve(solver, problem).x - image_of(c["denoised"], g["shape"])), 1e-10) << c["wavelet"];
  }
}

TEST(WaveletFista, SolutionsSatisfyTheOptimalityConditions) {
  for (const std::string& name : kTasks) {
    const LinearOperatorPtr op = task(name, 16);
    const Problem problem = problem_of(op, phantom(16), {0.05});
    WaveletFista solver;
    solver.wavelet = word("db2");
    solver.undecimated = false;
    solver.weight = 0.02;
    solver.tolerance = 1e-12;
    solver.max_iterations = 20000;
    const at::Tensor x = solve(solver, problem).x;
    const Wavelet wavelet(WaveletFamily::db2, 4, false, op->domain(), "test");
    const auto error = [&](const at::Tensor& at_x) {
      const at::Tensor c = wavelet.analyze(at_x), kept = at::where(c.abs() < 1e-9, at::zeros_like(c), c);
      const at::Tensor descent = wavelet.analyze(op->adjoint(problem.y - op->apply(at_x)));
      return optimality_error(kept, descent, 0.02 * wavelet.penalty(at::kDouble));
    };
    // The last step was 1e-12 of ||c|| ~ 10; the gradient of what is left is at most ||A||² <= 1.1 times that.
    EXPECT_LT(error(x), 1e-8) << name;
    EXPECT_GT(error(1.001 * x), 1e-5) << name;
  }
}

/// x - D(x + step A^H (y - A x)), D the mean over all shifts of the orthonormal shrinkage: 0 at the minimum of the
/// proximal average.
double fixed_point_error(const at::Tensor& x, const LinearOperator& op, const Problem& problem, double weight,
                         const Wavelet& orthonormal) {
  const double step = 1 / squared_operator_norm(op, x.options());
  const at::Tensor u = x + step * op.adjoint(problem.y - op.apply(x));
  const at::Tensor t = weight * step * orthonormal.penalty(at::kDouble);
  const std::int64_t period = std::int64_t{1} << orthonormal.levels();
  at::Tensor mean = at::zeros_like(x);
  for (std::int64_t i = 0; i < period; ++i) {
    for (std::int64_t j = 0; j < period; ++j) {
      const at::Tensor c = orthonormal.analyze(u.roll({i, j}, {2, 3}));
      mean += orthonormal.synthesize(c.sgn() * (c.abs() - t).clamp_min(0)).roll({-i, -j}, {2, 3});
    }
  }
  return largest(x - mean / static_cast<double>(period * period));
}

TEST(WaveletFista, UndecimatedSolutionsMinimiseTheProximalAverageOverShifts) {
  for (const std::string& name : kTasks) {
    const LinearOperatorPtr op = task(name, 16);
    const Problem problem = problem_of(op, phantom(16), {0.05});
    WaveletFista solver;
    solver.wavelet = word("haar");
    solver.levels = 2;
    solver.weight = 0.02;
    solver.tolerance = 1e-12;
    solver.max_iterations = 20000;
    const Wavelet orthonormal(word("haar"), 2, false, op->domain(), "test");
    const at::Tensor x = solve(solver, problem).x;
    // The last step was 1e-12 of ||x|| ~ 10; momentum and the gradient multiply that by a few units.
    EXPECT_LT(fixed_point_error(x, *op, problem, 0.02, orthonormal), 1e-9) << name;
    EXPECT_GT(fixed_point_error(x, *op, problem, 0.021, orthonormal), 1e-6) << name << ": of another weight";
  }
}

TEST(WaveletFista, UndecimatedSolutionsMoveWithTheImage) {
  const LinearOperatorPtr op = make_identity(grey(24));
  const Problem problem = problem_of(op, phantom(24), {0.1});
  Problem moved = problem;
  moved.y = problem.y.roll({3, 5}, {2, 3});
  WaveletFista solver;
  solver.weight = 0.1;
  solver.tolerance = 1e-9;
  solver.max_iterations = 5000;
  const auto difference = [&] {
    return largest(solve(solver, problem).x.roll({3, 5}, {2, 3}) - solve(solver, moved).x);
  };
  EXPECT_LT(difference(), 1e-7);  // both end within 1e-9 ||c|| of their last step
  solver.undecimated = false;
  EXPECT_GT(difference(), 1e-2);
}

TEST(WaveletFista, ComplexImagesShrinkByMagnitude) {
  const TensorSpec image{{1, 16, 16}, ScalarKind::complex};
  const LinearOperatorPtr op = make_fourier(image, at::ones({16, 16}), "full");
  const at::Tensor truth = at::polar(phantom(16).abs(), 3 * phantom(16));
  const Problem problem = problem_of(op, truth, {0.05});
  WaveletFista solver;
  solver.wavelet = word("haar");
  solver.undecimated = false;
  solver.weight = 0.1;
  solver.tolerance = 1e-12;
  const Wavelet wavelet(WaveletFamily::haar, 4, false, image, "test");
  const at::Tensor c = wavelet.analyze(op->adjoint(problem.y)), t = 0.1 * wavelet.penalty(at::kDouble);
  const at::Tensor exact = wavelet.synthesize(at::polar((c.abs() - t).clamp_min(0), c.angle()));
  EXPECT_LT(largest(solve(solver, problem).x - exact), 1e-10);
}

}  // namespace
}  // namespace recon::test
