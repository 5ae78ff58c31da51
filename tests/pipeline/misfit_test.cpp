// When the data contradict an image, and what is likely to be wrong then.
#include "recon/pipeline/solve/misfit.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/blur/blur.h"
#include "operators/identity.h"
#include "operators/inpainting/inpainting.h"
#include "operators/noise.h"
#include "recon/pipeline/items/operator_source.h"
#include "recon/pipeline/solve/likely_cause.h"

namespace recon {
namespace {

Fit fit(double chi2, double components, double unexplained = 0.1) {
  return {.chi2 = chi2, .chi2_error = std::sqrt(2 / components), .unexplained = unexplained, .chi2_map = {}};
}

TEST(Misfit, WarnsOfAWrongNoiseLevelAndOnlyThen) {
  EXPECT_EQ(residual_warning(fit(1.2, 5000)), "");
  EXPECT_NE(residual_warning(fit(1.7, 5000)), "");
  EXPECT_EQ(residual_warning(fit(1.7, 20)), "");           // 20 numbers may well do this
  EXPECT_EQ(residual_warning(fit(1e6, 5000, 1e-12)), "");  // rounding, however small the noise is said to be
  EXPECT_EQ(residual_warning(fit(NAN, 5000, 1e-3)), "");   // no noise level: nearly all is explained
  EXPECT_NE(residual_warning(fit(NAN, 5000, 0.02)), "");
  EXPECT_EQ(residual_warning(fit(NAN, 5000, NAN)), "");  // data of nothing
}

TEST(Misfit, IsFarBeyondABias) {
  EXPECT_FALSE(is_misfit(fit(3.5, 5000), true));
  EXPECT_TRUE(is_misfit(fit(4.5, 5000), true));
  EXPECT_FALSE(is_misfit(fit(4.5, 5000, 0.3), false));  // a direct method that explains most of the data
  EXPECT_TRUE(is_misfit(fit(4.5, 5000, 0.7), false));
  EXPECT_TRUE(is_misfit(fit(NAN, 5000, 0.05), true));
  EXPECT_FALSE(is_misfit(fit(1e9, 5000, 1e-12), true));
}

PreparedItem counted(const OperatorPtr& op, const at::Tensor& truth, const Noise& noise, const at::Tensor& background,
                     std::uint64_t i) {
  PreparedItem item;
  item.op = op;
  at::Tensor clean = op->apply(truth);
  if (background.defined()) clean = clean + background;
  item.y = with_noise(noise, clean, Rng(4, "counts"), {{i, 0}}, op->support());
  if (background.defined()) item.y = item.y - background;
  if (op->support().defined()) item.y = item.y * op->support();
  item.noise = item_noise(noise, 0, item.y, op->support(), background);
  return item;
}

// Random count levels, backgrounds, read noises, kernels and masks. chi² of the truth is 1; that of an image of nothing
// is not.
TEST(Misfit, CountsAreExplainedByTheTruthAndNotByNothingInTwoHundredRandomCases) {
  const TensorSpec image{{1, 40, 40}, ScalarKind::real};
  for (std::uint64_t i = 0; i < 200; ++i) {
    const at::Tensor u = Rng(6, "random").uniform({{i, 0}}, 0, {{8}, ScalarKind::real})[0];
    const auto draw = [&](std::int64_t k) { return u[k].item<double>(); };
    Noise noise{.type = i % 4 == 3 ? NoiseType::poisson_gaussian : NoiseType::poisson,
                .peak = std::pow(10.0, 3 * draw(0) - 0.3)};
    if (noise.has_std()) noise.std = {(0.2 + draw(1)) / noise.peak};
    const bool has_background = i % 3 == 0;
    at::Tensor background;
    if (has_background) background = at::full({}, 0.05 * draw(2), at::kDouble);
    const at::Tensor random = Rng(7, "image").uniform({{i, 0}}, 0, image);
    // From even pictures to points on nothing.
    const at::Tensor truth = random.pow(1 + 20 * draw(3));
    OperatorPtr op = make_identity(image);
    if (i % 2 == 1) {
      const at::Tensor kernel = Rng(8, "kernel").uniform({{i, 0}}, 0, {{3, 5}, ScalarKind::real})[0];
      op = make_blur(image, kernel / kernel.sum(), Boundary::zero, "random");
    } else if (i % 4 == 2) {
      op = make_inpainting(image, (Rng(9, "mask").uniform({{i, 0}}, 0, image)[0] < 0.6).to(at::kDouble), "random");
    }
    const PreparedItem item = counted(op, truth, noise, background, i);
    const Fit right = fit_of(truth, item), nothing = fit_of(at::zeros_like(truth), item);
    EXPECT_NEAR(right.chi2, 1, 6 * right.chi2_error + 0.02) << i;
    EXPECT_FALSE(is_misfit(right, true)) << i;
    // By hand: sum r² / v over its expectation, v of the expected counts.
    const at::Tensor mean = op->apply(truth) + (has_background ? background.item<double>() : 0.0);
    const double read = noise.has_std() ? noise.std[0] * noise.std[0] : 0;
    const at::Tensor there = op->support().defined() ? op->support().unsqueeze(0) : at::ones_like(mean);
    const at::Tensor variance = mean.clamp_min(1 / noise.peak) / noise.peak + read;
    const at::Tensor residual = item.y - op->apply(truth);
    const double expected =
        ((residual.square() / variance).sum() / (there * (mean.clamp_min(0) / noise.peak + read) / variance).sum())
            .item<double>();
    EXPECT_NEAR(right.chi2, expected, 1e-6 * expected) << i;
    const double light = (op->apply(truth) * noise.peak).mean().item<double>();
    const double other = (has_background ? background.item<double>() * noise.peak : 0) + read * noise.peak * noise.peak;
    if (light > 0.05 && light > 4 * other) {
      EXPECT_GT(nothing.chi2, 4) << i << " light " << light;
    }
    EXPECT_NEAR(right.chi2_map.sum().item<double>() / (there.sum().item<double>()), right.chi2, 1e-6 * right.chi2) << i;
  }
}

PreparedItem measured(const std::string& config, const std::map<std::string, at::Tensor>& stored,
                      const OperatorPtr& truly, const at::Tensor& truth, double std) {
  PreparedItem item;
  const TensorSpec image = spec_of_item(truth);
  item.op = build_stored_operator(config, stored, image, "test", {}).op;
  const at::Tensor clean = truly->apply(truth);
  const TensorSpec range = spec_of_item(clean);
  item.y = clean + std * Rng(3, "noise").normal({{0, 0}}, 0, range, clean.options());
  item.noise = item_noise({.type = NoiseType::gaussian, .std = {std}}, 0, item.y);
  item.alternatives = [=] { return alternatives_of(config, stored, image); };
  return item;
}

at::Tensor picture() {
  const at::Tensor t = at::linspace(-1, 1, 32, at::kDouble);
  const at::Tensor v = t.view({-1, 1}), h = t.view({1, -1});
  return ((v + 0.2).square() + (h - 0.3).square() < 0.2).to(at::kDouble).view({1, 1, 32, 32}) +
         0.5 * (((v - 0.4).abs() < 0.2).logical_and((h + 0.3).abs() < 0.5)).to(at::kDouble);
}

std::string cause(const PreparedItem& item) { return likely_cause(item, fit_of(at::zeros_like(picture()), item)); }

TEST(LikelyCause, UnitsOfAnglesAreNamed) {
  const at::Tensor degrees = at::arange(0, 180, 6, at::kDouble);
  const std::string config = "type: radon\nangle_list_deg: angles\n";
  const TensorSpec image{{1, 32, 32}, ScalarKind::real};
  const auto op = build_stored_operator(config, {{"angles", degrees}}, image, "test", {}).op;
  const double pi = 3.14159265358979;
  const auto stated = [&](const at::Tensor& angles) {
    return cause(measured(config, {{"angles", angles}}, op, picture(), 0.05));
  };
  EXPECT_NE(stated(degrees * pi / 180).find("in radians"), std::string::npos) << stated(degrees * pi / 180);
  // A wrong sense of rotation or start is no misfit: a mirrored or turned image explains the data as well.
  EXPECT_NE(stated(degrees).find("it is the solver"), std::string::npos) << stated(degrees);  // the zero image is wrong
}

// Random view sets in degrees, taken as they are and for radians.
TEST(LikelyCause, AnglesInRadiansAreNamedInTwoHundredRandomCases) {
  const at::Tensor x = at::avg_pool2d(picture(), {2, 2});
  const TensorSpec image = spec_of_item(x);
  const std::string config = "type: radon\nangle_list_deg: angles\n";
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::int64_t views = 12 + static_cast<std::int64_t>(i % 12);
    const at::Tensor u = Rng(9, "views").uniform({{i, 0}}, 0, {{views}, ScalarKind::real})[0];
    const at::Tensor degrees = std::get<0>((180 * u).sort());
    const auto op = build_stored_operator(config, {{"angles", degrees}}, image, "test", {}).op;
    const PreparedItem wrong = measured(config, {{"angles", degrees * (M_PI / 180)}}, op, x, 0.02);
    const std::string words = likely_cause(wrong, fit_of(at::zeros_like(x), wrong));
    EXPECT_NE(words.find("in radians"), std::string::npos) << i << words;
    if (i % 10 != 0) continue;
    const PreparedItem right = measured(config, {{"angles", degrees}}, op, x, 0.02);
    EXPECT_NE(likely_cause(right, fit_of(at::zeros_like(x), right)).find("it is the solver"), std::string::npos) << i;
  }
}

TEST(LikelyCause, UnitsOfPositionsAreNamed) {
  const at::Tensor cycles = (Rng(1, "positions").uniform({{0, 0}}, 0, {{900, 2}, ScalarKind::real})[0] - 0.5) * 31.9;
  const std::string config = "type: nufft\npositions: k\n";
  const TensorSpec image{{1, 32, 32}, ScalarKind::real};
  const auto op = build_stored_operator(config, {{"k", cycles}}, image, "test", {}).op;
  const auto stated = [&](const at::Tensor& k) { return cause(measured(config, {{"k", k}}, op, picture(), 0.02)); };
  EXPECT_NE(stated(cycles / 32).find("cycles per pixel"), std::string::npos) << stated(cycles / 32);
  EXPECT_NE(stated(cycles / 32 * 6.283185307).find("radians per pixel"), std::string::npos);
  // Exchanged axes or signs are no misfit: a transposed or turned image explains the data as well.
}

TEST(Misfit, BlackHolesAreSaid) {
  const TensorSpec image{{1, 32, 32}, ScalarKind::real};
  const at::Tensor mask = (Rng(1, "mask").uniform({{0, 0}}, 0, image)[0] < 0.4).to(at::kDouble);
  const OperatorPtr op = make_inpainting(image, mask, "random");
  const at::Tensor x = 0.3 + 0.5 * picture();
  PreparedItem item;
  item.op = op;
  item.y = op->apply(x);
  item.range = {0, 1};
  EXPECT_NE(holes_warning(x * mask, item), "");
  EXPECT_EQ(holes_warning(x, item), "");
  EXPECT_EQ(holes_warning(x * 0, item), "");  // all is black: nothing to tell holes by
}

}  // namespace
}  // namespace recon
