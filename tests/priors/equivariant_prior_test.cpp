// A prior of images that may be mirrored and turned: another view at each level.
#include "priors/equivariant_prior.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

#include "priors/channelwise_prior.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/priors/placed_network.h"

namespace recon {
namespace {

/// A denoiser that is not linear and leans to one side: it looks at the neighbour above and at the one on the right.
class Leaning final : public Prior {
 public:
  explicit Leaning(ImageSymmetry symmetry, std::vector<std::int64_t> size = {})
      : Prior("leaning", {.channels = 1, .fixed_size = std::move(size)}, NoiseSchedule::vp_linear()),
        symmetry_(symmetry) {}
  double denoising_mse(double) const override { return 0.1; }
  ImageSymmetry symmetry() const override { return symmetry_; }
  bool learns_variance() const override { return true; }

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override {
    const at::Tensor x = x_t / level.alpha;
    const at::Tensor wide = at::constant_pad_nd(x, {1, 1, 1, 1});
    const std::int64_t h = x.size(2), w = x.size(3);
    return at::tanh(x + 0.5 * wide.narrow(2, 0, h).narrow(3, 1, w) - 0.2 * wide.narrow(2, 1, h).narrow(3, 2, w));
  }
  DenoisedWithVariance do_denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const override {
    const at::Tensor x0 = do_denoise(x_t, level);
    return {.x0 = x0, .variance_fraction = x0.square()};
  }

  ImageSymmetry symmetry_;
};

at::Tensor normal(const Shape& shape, std::uint32_t step = 0) {
  return Rng(3, "equivariant prior test").normal({{0, 0}, {1, 0}}, step, {shape, ScalarKind::real}, at::kDouble);
}
double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }
NoiseLevel level_of(double r) { return {.alpha = 0.8, .sigma = 0.8 * r}; }

/// The symmetries of a square, by turns and one mirror: another way of making them than the prior's.
at::Tensor view(const at::Tensor& x, int which) {
  return at::rot90(which >= 4 ? x.flip({-1}) : x, which % 4, {-2, -1});
}
at::Tensor view_back(const at::Tensor& x, int which) {
  const at::Tensor turned = at::rot90(x, -(which % 4), {-2, -1});
  return which >= 4 ? turned.flip({-1}) : turned;
}

/// Which views an equivariant prior takes at 64 levels; -1 where its denoiser is that of none.
std::set<int> views(const std::shared_ptr<Leaning>& inner, std::int64_t height, std::int64_t width) {
  const EquivariantPrior prior(inner);
  const Leaning of_any_size(ImageSymmetry::none);
  const at::Tensor x = normal({1, height, width});
  std::set<int> found;
  for (int i = 0; i < 64; ++i) {
    const NoiseLevel level = level_of(std::pow(10.0, -2 + i / 16.0));
    const at::Tensor d = prior.denoise(x, level);
    int which = 0;
    while (which < 8 && largest(d - view_back(of_any_size.denoise(view(x, which), level), which)) > 1e-14) ++which;
    found.insert(which < 8 ? which : -1);
  }
  return found;
}

TEST(EquivariantPrior, ShowsTheNetworkEveryViewThatTheSymmetryAllows) {
  const std::set<int> all{0, 1, 2, 3, 4, 5, 6, 7}, mirrored{0, 4}, upright{0, 2, 4, 6};
  EXPECT_EQ(views(std::make_shared<Leaning>(ImageSymmetry::square), 6, 9), all) << "of any size, square or not";
  EXPECT_EQ(views(std::make_shared<Leaning>(ImageSymmetry::mirror), 6, 9), mirrored);
  const std::vector<std::int64_t> wide{6, 9}, square{8, 8};
  EXPECT_EQ(views(std::make_shared<Leaning>(ImageSymmetry::square, wide), 6, 9), upright)
      << "a network of one size does not see rows as columns";
  EXPECT_EQ(views(std::make_shared<Leaning>(ImageSymmetry::square, square), 8, 8), all);
}

TEST(EquivariantPrior, TheLevelAloneDecides) {
  const EquivariantPrior prior(std::make_shared<Leaning>(ImageSymmetry::square));
  const at::Tensor x = normal({1, 7, 7});
  for (const double r : {0.02, 0.3, 5.0}) {
    const NoiseLevel level = level_of(r), rounded = level_of(r * (1 + 1e-15));
    const at::Tensor together = prior.denoise(x, level);
    EXPECT_TRUE(at::equal(together, prior.denoise(x, level)));
    EXPECT_TRUE(at::equal(together.narrow(0, 1, 1), prior.denoise(x.narrow(0, 1, 1), level)));
    EXPECT_LT(largest(together - prior.denoise(x, rounded)), 1e-12) << "a level that was rounded otherwise";
    const NoiseLevel of_flow{.alpha = 1 / (1 + r), .sigma = r / (1 + r)};
    EXPECT_LT(largest(together - prior.denoise(x * (of_flow.alpha / level.alpha), of_flow)), 1e-12)
        << "the same relative sigma of another process";
  }
}

// <v, J w> by differences against <J^T v, w>: on its own, and on the tape of another prior.
TEST(EquivariantPrior, PullsBackByTheTransposedDerivative) {
  for (const double r : {0.05, 0.1, 0.2, 0.4, 0.8, 1.6}) {
    const auto prior = std::make_shared<EquivariantPrior>(std::make_shared<Leaning>(ImageSymmetry::square));
    const ChannelwisePrior channels(prior, 2);
    const at::Tensor x = normal({2, 6, 9}), w = normal({2, 6, 9}, 1), v = normal({2, 6, 9}, 2);
    const auto one = [](const at::Tensor& t) { return t.narrow(1, 0, 1).contiguous(); };
    const double h = 1e-5;
    const Linearized own = prior->linearize(one(x), level_of(r));
    const at::Tensor along =
        (prior->denoise(one(x) + h * one(w), level_of(r)) - prior->denoise(one(x) - h * one(w), level_of(r))) / (2 * h);
    EXPECT_NEAR((own.pullback(one(v)) * one(w)).sum().item<double>(), (one(v) * along).sum().item<double>(), 1e-6);
    EXPECT_LT(largest(own.x0 - prior->denoise(one(x), level_of(r))), 1e-14);
    EXPECT_LT(largest(one(channels.linearize(x, level_of(r)).pullback(v)) - own.pullback(one(v))), 1e-12);
  }
}

TEST(EquivariantPrior, TheLearnedVarianceMovesAlong) {
  const EquivariantPrior prior(std::make_shared<Leaning>(ImageSymmetry::square));
  for (const double r : {0.05, 0.1, 0.2, 0.4, 0.8, 1.6}) {
    const DenoisedWithVariance both = prior.denoise_with_variance(normal({1, 6, 9}), level_of(r));
    EXPECT_LT(largest(both.variance_fraction - both.x0.square()), 1e-14);
    EXPECT_TRUE(at::equal(both.x0, prior.denoise(normal({1, 6, 9}), level_of(r))));
  }
}

// The whole is mirrored and turned, and a part of it with it: the part's denoised image is that of the whole.
TEST(EquivariantPrior, MovesPartsWithTheirWhole) {
  const EquivariantPrior prior(test::placed_prior({}, ImageSymmetry::square));
  const at::Tensor x = normal({1, 7, 12});
  const ImagePlace place{.top = 2, .left = 7, .height = 7, .width = 12};
  const auto part = [&](const at::Tensor& of) { return of.narrow(2, place.top, 4).narrow(3, place.left, 3); };
  const PriorPtr of_part = prior.of_parts({place, place});
  ASSERT_NE(of_part, nullptr);
  for (int i = 0; i < 32; ++i) {
    const NoiseLevel level = level_of(0.01 * std::pow(1.3, i));
    EXPECT_LT(largest(of_part->denoise(part(x), level) - part(prior.denoise(x, level))), 1e-6);
  }
  EXPECT_EQ(EquivariantPrior(std::make_shared<Leaning>(ImageSymmetry::square)).of_parts({place}), nullptr);
}

TEST(EquivariantPrior, NeedsASymmetry) {
  EXPECT_THROW(EquivariantPrior(std::make_shared<Leaning>(ImageSymmetry::none)), Error);
  EXPECT_THROW(EquivariantPrior(nullptr), Error);
}

}  // namespace
}  // namespace recon
