// Solvers on volumes: without coupling they are the solvers of the slices; with it, what the formulas say.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/combinations/slices.h"
#include "operators/unsuitable_operator.h"
#include "priors/slices_prior.h"
#include "recon/core/error.h"
#include "recon/solvers/classical/image_gradient.h"
#include "recon/solvers/classical/tv_pdhg.h"
#include "recon/solvers/posterior/diffusion_mbir.h"
#include "recon/solvers/posterior/plug_and_play.h"
#include "recon/solvers/registry.h"
#include "tests/solvers/closed_form.h"
#include "tests/support/build_operator.h"

namespace recon::test {
namespace {

/// The items of a task with a known posterior as the slices of one volume.
struct VolumeForm {
  ClosedForm slices;
  Problem problem;
  std::shared_ptr<const SlicesPrior> prior;
  at::Tensor mean;  ///< [1, 1, D, N, N]
};

VolumeForm as_volume(const std::string& task, const ClosedFormOptions& options) {
  VolumeForm form{.slices = closed_form(task, options), .problem = {}, .prior = nullptr, .mean = {}};
  const OperatorPtr op = make_slices({form.slices.op}, options.items);
  form.problem = {.op = op,
                  .y = form.slices.problem.y.unsqueeze(0),
                  .noise_std = {options.noise_std},
                  .keys = {{1, 0}},
                  .image = op->domain()};
  form.prior = std::make_shared<SlicesPrior>(form.slices.prior);
  form.mean = form.slices.mean.transpose(0, 1).unsqueeze(0);
  return form;
}

double rms(const at::Tensor& x) { return x.to(at::kDouble).square().mean().sqrt().item<double>(); }

constexpr ClosedFormOptions kSmall{.size = 16, .items = 3, .samples = 1, .dtype = at::kDouble};

TEST(Volumes, PlugAndPlayIsThatOfTheSlices) {
  for (const char* task : {"blur", "inpaint", "fourier", "radon"}) {
    const VolumeForm form = as_volume(task, kSmall);
    PlugAndPlay solver;
    solver.lambda = 1;  // exact for Gaussian priors
    solver.steps = 24;  // its default, and that of the last level, are by random probes of the operator
    solver.end_relative_sigma = 0.03;
    const at::Tensor whole = solver.solve(form.problem, form.prior.get(), {}).x;
    const at::Tensor parts = solver.solve(form.slices.problem, form.slices.prior.get(), {}).x;
    // Conjugate gradients (radon) stop for the volume as one, at a relative residual of 1e-5.
    EXPECT_LT(rms(whole - parts.transpose(0, 1).unsqueeze(0)), 2e-5) << task;
    EXPECT_LT(rms(whole - form.mean), 0.1 * form.slices.std) << task << ": the exact posterior mean";
  }
}

TEST(Volumes, CouplingOfNoWeightIsNoCoupling) {
  for (const char* task : {"blur", "inpaint", "radon"}) {
    const VolumeForm form = as_volume(task, kSmall);
    DiffusionMbir coupled;
    coupled.loop = DiffusionMbir::Loop::admm;
    coupled.steps = 24;
    coupled.coupling.weight = 1e-6;
    coupled.coupling.tolerance = 1e-6;
    coupled.coupling.max_inner = 200;
    const Report report = coupled.solve(form.problem, form.prior.get(), {});
    EXPECT_LT(rms(report.x - form.mean), 0.1 * form.slices.std) << task;
    PlugAndPlay slice_by_slice;
    slice_by_slice.steps = coupled.steps;
    slice_by_slice.lambda = coupled.lambda;
    const Report alone = slice_by_slice.solve(form.problem, form.prior.get(), {});
    EXPECT_LT(rms(report.x - alone.x), 2e-4) << task;
    EXPECT_EQ(report.weight, std::vector<double>{1e-6});
  }
}

// Two slices, A = 1: the mean is that of the two terms, and the difference shrinks by twice the threshold over 1 + rho.
TEST(SliceCoupling, OfTwoSlicesIsTheFormula) {
  const TensorSpec volume{{1, 2, 4, 4}, ScalarKind::real};
  const OperatorPtr op = build_operator(R"({"type": "identity"})", volume);
  const auto draw = [&](std::uint32_t step) { return Rng(2, "coupling").normal({{0, 0}}, step, volume, at::kDouble); };
  const at::Tensor y = draw(0), c = draw(1);
  const double noise_std = 0.5, weight = 2, rho = 0.7, threshold = noise_std * noise_std * weight;
  const Problem problem{.op = op, .y = y, .noise_std = {noise_std}, .keys = {{0, 0}}, .image = volume};
  const auto prior = std::make_shared<SlicesPrior>(photograph_like_prior(4));
  Report report;
  const Controls controls;
  SolverContext context(problem, prior.get(), controls, report);
  SliceCoupling coupling(context, *as_linear(op, "test"),
                         {.weight = weight, .iterations = 400, .tolerance = 1e-12, .max_inner = 100});
  const at::Tensor x = coupling.step(c, at::full({1}, rho, at::kDouble));
  const at::Tensor free = (y + rho * c) / (1 + rho), mean = free.mean(2, true);
  const at::Tensor half = (free.select(2, 1) - free.select(2, 0)).unsqueeze(2) / 2;
  const at::Tensor shrunk = half.sign() * (half.abs() - threshold / (1 + rho)).clamp_min(0);
  EXPECT_LT(rms(x - at::cat({mean - shrunk, mean + shrunk}, 2)), 1e-8);
  EXPECT_GT(rms(x - free), 1e-2);
}

// Slices that are one image, each with noise of its own: that they are alike is worth a lot, and the coupled image says
// so; the posterior mean of each slice alone does not know it.
TEST(DiffusionMbir, IsNearerToSlicesThatAreAlikeThanTheyAreAlone) {
  constexpr std::int64_t slices = 8;
  const ClosedForm one = closed_form("blur", {.size = 16, .items = 1, .samples = 1, .dtype = at::kDouble});
  const at::Tensor truth = one.prior->sample(Rng(1, "truth"), {{stable_hash("blur"), 0}}, at::kDouble);
  const OperatorPtr op = make_slices({one.op}, slices);
  const at::Tensor volume = truth.unsqueeze(2).expand({1, 1, slices, 16, 16}).contiguous();
  const at::Tensor noise = Rng(4, "noise").normal({{0, 0}}, 0, op->range(), at::kDouble);
  const Problem problem{
      .op = op, .y = op->apply(volume) + 0.05 * noise, .noise_std = {0.05}, .keys = {{1, 0}}, .image = op->domain()};
  const GaussianPosterior alone =
      one.prior->posterior(dense_matrix(*one.op), problem.y[0].flatten(1), 0.05);  // of each slice
  const double by_slices = rms(alone.mean.transpose(0, 1).unsqueeze(0) - volume);
  // That they are the same makes their data one measurement of less noise.
  const GaussianPosterior together = one.prior->posterior(dense_matrix(*one.op), problem.y[0].flatten(1).mean(0, true),
                                                          0.05 / std::sqrt(static_cast<double>(slices)));
  const at::Tensor joint = together.mean.unsqueeze(2), apart = alone.mean.transpose(0, 1).unsqueeze(0);
  const SlicesPrior prior(one.prior);
  for (const auto loop : {DiffusionMbir::Loop::diffpir, DiffusionMbir::Loop::admm}) {
    DiffusionMbir solver;
    solver.loop = loop;
    solver.coupling.weight = 30;
    solver.coupling.iterations = 10;
    const Report report = solver.solve(problem, &prior, {});
    std::printf("%s: error coupled %.4f, slices alone %.4f; from the joint mean %.4f, slices alone %.4f\n",
                to_string(loop).c_str(), rms(report.x - volume), by_slices, rms(report.x - joint), rms(apart - joint));
    EXPECT_LT(rms(report.x - volume), by_slices) << to_string(loop);
    EXPECT_LT(rms(slice_difference(report.x)), 0.5 * rms(slice_difference(apart))) << to_string(loop);
    EXPECT_NEAR(report.chi2[0], 1, 0.2) << to_string(loop);
    if (loop == DiffusionMbir::Loop::admm) {
      EXPECT_LT(rms(report.x - joint), 0.8 * rms(apart - joint));
    }
  }
}

// Slices of the same data, hardly coupled: with noise of their own they end apart, with shared noise they are one
// image.
TEST(DiffusionMbir, NoiseIsSharedWhereAsked) {
  const ClosedForm one = closed_form("inpaint", {.size = 16, .items = 1, .samples = 1, .dtype = at::kDouble});
  constexpr std::int64_t slices = 3;
  const OperatorPtr op = make_slices({one.op}, slices);
  const Problem problem{.op = op,
                        .y = one.problem.y.repeat_interleave(slices, 0).unsqueeze(0),
                        .noise_std = {0.05},
                        .keys = {{1, 0}},
                        .image = op->domain()};
  const SlicesPrior prior(one.prior);
  DiffusionMbir solver;
  solver.steps = 10;
  solver.coupling.weight = 1e-6;
  const at::Tensor apart = solver.solve(problem, &prior, {}).x;
  solver.noise = DiffusionMbir::Noise::shared;
  const at::Tensor alike = solver.solve(problem, &prior, {}).x;
  EXPECT_GT(rms(slice_difference(apart)), 0.01);
  EXPECT_LT(rms(slice_difference(alike)), 1e-5);
  EXPECT_LT(rms(alike.select(2, 0) - one.mean), 2 * rms(apart.select(2, 0) - one.mean)) << "no worse a slice";
  solver.loop = DiffusionMbir::Loop::admm;
  EXPECT_THROW(solver.solve(problem, &prior, {}), Error) << "it draws no noise";
}

TEST(TvPdhg, OfOneSliceIsThatOfTheImage) {
  const VolumeForm form = as_volume("inpaint", {.size = 16, .items = 1, .samples = 1, .dtype = at::kDouble});
  const at::Tensor whole = TvPdhg().solve(form.problem, nullptr, {}).x;
  EXPECT_LT(rms(whole.squeeze(2) - TvPdhg().solve(form.slices.problem, nullptr, {}).x), 0.02 * rms(whole));
}

// The gradient of volumes: the adjoint is the adjoint, the norm is a bound, and TV sees all three axes alike.
TEST(ImageGradient, OfVolumesHasThreeAxes) {
  const auto draw = [](std::uint32_t step) {
    return Rng(2, "gradient").normal({{0, 0}, {1, 0}}, step, {{2, 4, 5, 6}, ScalarKind::real}, at::kDouble);
  };
  const at::Tensor x = draw(0);
  const ImageGradient g = image_gradient(x), q{draw(1), draw(2), draw(3)};
  ASSERT_TRUE(g.of_volume());
  const double forward =
      (g.vertical * q.vertical + g.horizontal * q.horizontal + g.axial * q.axial).sum().item<double>();
  EXPECT_NEAR(forward, (x * image_gradient_adjoint(q)).sum().item<double>(), 1e-12);
  EXPECT_EQ(gradient_norm(x), 12);
  EXPECT_EQ(gradient_norm(x.select(2, 0)), 8);
  at::Tensor v = draw(4);
  double norm = 0;
  for (int i = 0; i < 200; ++i) {
    v = image_gradient_adjoint(image_gradient(v / rms(v)));
    norm = rms(v);
  }
  EXPECT_LT(norm, 12);
  EXPECT_GT(norm, 9);
}

// A volume is turned so that its slices run along another axis: total variation does not notice.
TEST(TvPdhg, SeesTheThreeAxesOfAVolumeAlike) {
  const TensorSpec volume{{1, 8, 8, 8}, ScalarKind::real};
  const OperatorPtr op = build_operator(R"({"type": "identity"})", volume);
  const at::Tensor noise = Rng(4, "noise").normal({{0, 0}}, 0, volume, at::kDouble);
  at::Tensor truth = at::zeros_like(noise);
  truth.narrow(2, 2, 4).narrow(3, 1, 5).narrow(4, 3, 3).fill_(1);
  TvPdhg solver;
  solver.max_iterations = 20000;
  solver.tolerance = 1e-7;
  const auto solved = [&](const at::Tensor& y) {
    const Problem problem{.op = op, .y = y, .noise_std = {0.1}, .keys = {{0, 0}}, .image = volume};
    return solver.solve(problem, nullptr, {});
  };
  const at::Tensor y = truth + 0.1 * noise;
  const Report straight = solved(y), turned = solved(y.transpose(2, 4).contiguous());
  // Forward differences meet in another corner; the weight and the data term do not change.
  EXPECT_NEAR(straight.chi2[0], 1, 0.02);
  EXPECT_NEAR(straight.weight[0], turned.weight[0], 0.02 * straight.weight[0]);
  EXPECT_LT(rms(straight.x - turned.x.transpose(2, 4)), 0.02);
  EXPECT_LT(rms(straight.x - truth), 0.5 * rms(y - truth));
}

/// Every solver on a volume gives a finite image or refuses by name, saying what to use instead.
TEST(Volumes, GoThroughEverySolverOrAreRefusedByName) {
  std::set<std::string> refused;
  const VolumeForm blur = as_volume("blur", {.size = 16, .items = 2, .samples = 1});
  const VolumeForm radon = as_volume("radon", {.size = 16, .items = 2, .samples = 1});
  for (const SolverKind& kind : solver_kinds()) {
    VolumeForm form = kind.name == "fbp" ? radon : blur;
    if (kind.name == "richardson_lucy") form.problem.y = form.problem.y - form.problem.y.min();
    if (kind.name == "alternating_projections" || kind.name == "diffusion_raar") {
      form.problem.op =
          build_operator(R"({"type": "slices", "of": [{"type": "fourier_magnitude"}]})", form.problem.image);
      form.problem.y = form.problem.op->apply(form.mean.to(at::kFloat));
    }
    try {
      const Report report = kind.make()->solve(form.problem, kind.traits.needs_prior ? form.prior.get() : nullptr, {});
      EXPECT_TRUE(at::isfinite(report.x).all().item<bool>()) << kind.name;
      EXPECT_EQ(report.outcomes[0] == Outcome::diverged, false) << kind.name;
      EXPECT_GT(rms(report.x), 0.05 * rms(form.mean)) << kind.name;
    } catch (const Error& refusal) {
      const std::string text = refusal.what();
      const bool says_what =
          text.find("use ") != std::string::npos || text.find("a prior made of images has") != std::string::npos;
      EXPECT_TRUE(says_what) << text;
      EXPECT_EQ(refusal.kind(), ErrorKind::usage) << text;
      refused.insert(kind.name);
    }
  }
  EXPECT_EQ(refused, (std::set<std::string>{"exact_posterior", "posterior_denoiser", "tgv_pdhg", "tv_admm", "wiener"}));
}

TEST(DiffusionMbir, SendsImagesToTheirSolvers) {
  const ClosedForm one = closed_form("blur", {.size = 16, .items = 1, .samples = 1});
  try {
    DiffusionMbir().solve(one.problem, one.prior.get(), {});
    FAIL();
  } catch (const UnsuitableOperator& refusal) {
    EXPECT_NE(std::string(refusal.what()).find("use diffpir"), std::string::npos) << refusal.what();
  }
}

}  // namespace
}  // namespace recon::test
