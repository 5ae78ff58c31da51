// A prior of one size on larger images, in tiles.
#include "priors/tiled_prior.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

#include "priors/channelwise_prior.h"
#include "priors/equivariant_prior.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/priors/placed_network.h"

namespace recon {
namespace {

/// A denoiser of 8 x 12 images that looks at neighbours and is not linear; it counts what it is given.
class OfOneSize final : public Prior {
 public:
  explicit OfOneSize(std::vector<std::int64_t> size = {8, 12})
      : Prior("of one size", {.channels = 1, .fixed_size = std::move(size)}, NoiseSchedule::vp_linear()) {}
  double denoising_mse(double) const override { return 0.1; }
  mutable std::int64_t seen = 0, most = 0;

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override {
    seen += x_t.size(0);
    most = std::max(most, x_t.size(0));
    const at::Tensor x = x_t / level.alpha;
    const at::Tensor wide = at::constant_pad_nd(x, {1, 1, 1, 1});
    const std::int64_t h = x.size(2), w = x.size(3);
    return at::tanh(x + 0.5 * wide.narrow(2, 1, h).narrow(3, 0, w) - 0.2 * wide.narrow(2, 0, h).narrow(3, 1, w));
  }
};

at::Tensor normal(const Shape& shape, std::uint32_t step = 0) {
  return Rng(3, "tiled prior test").normal({{0, 0}, {1, 0}}, step, {shape, ScalarKind::real}, at::kDouble);
}
double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }
NoiseLevel level_of(double r) { return {.alpha = 0.8, .sigma = 0.8 * r}; }

TEST(TiledPrior, OfTheSizeOfATileIsThePriorItself) {
  const auto inner = std::make_shared<OfOneSize>();
  const TiledPrior prior(inner, 5, 12);
  EXPECT_EQ(prior.domain().fixed_size, (std::vector<std::int64_t>{8, 12})) << "padded to the tile";
  const at::Tensor x = normal({1, 8, 12});
  EXPECT_LT(largest(prior.denoise(x, level_of(1)) - inner->denoise(x, level_of(1))), 1e-15);
}

// Weights sum to one: a denoiser that looks at pixels alone does not see the tiles, at any level's grid.
TEST(TiledPrior, BlendsTilesToOne) {
  class Pixels final : public Prior {
   public:
    Pixels() : Prior("pixels", {.channels = 1, .fixed_size = {8, 12}}, NoiseSchedule::vp_linear()) {}
    double denoising_mse(double) const override { return 0.1; }

   private:
    at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override {
      return at::tanh(x_t / level.alpha);
    }
  };
  const auto inner = std::make_shared<Pixels>();
  for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{9, 12}, {8, 13}, {31, 40}, {16, 25}}) {
    const TiledPrior prior(inner, height, width);
    const at::Tensor x = normal({1, height, width});
    for (const double r : {0.01, 0.3, 1.0, 7.0, 50.0}) {
      EXPECT_LT(largest(prior.denoise(x, level_of(r)) - at::tanh(x / 0.8)), 1e-14)
          << height << " " << width << " " << r;
    }
  }
}

// Far from every border of its tile a pixel has what the network says of the whole; and the seams move with the level.
TEST(TiledPrior, GridsMoveFromLevelToLevelAndAreAFunctionOfIt) {
  const auto inner = std::make_shared<OfOneSize>();
  const TiledPrior prior(inner, 32, 48);
  const auto whole = std::make_shared<OfOneSize>(std::vector<std::int64_t>{32, 48});
  const at::Tensor x = normal({1, 32, 48});
  std::set<std::string> seams;
  for (const double r : {0.1, 0.2, 0.4, 0.8, 1.6}) {
    const at::Tensor d = prior.denoise(x, level_of(r)), again = prior.denoise(x, level_of(r));
    EXPECT_TRUE(at::equal(d, again));
    const at::Tensor differs = (d - whole->denoise(x, level_of(r))).abs().gt(1e-12)[0][0];
    EXPECT_LT(differs.to(at::kDouble).mean().item<double>(), 0.5) << "at the tiles' first rows and columns";
    std::string rows;
    const at::Tensor along = differs.to(at::kDouble).mean(1).gt(0.9);
    for (std::int64_t i = 0; i < 32; ++i) rows += along[i].item<bool>() ? '1' : '0';
    seams.insert(rows);
  }
  EXPECT_GE(seams.size(), 3U);
}

// <v, J w> by differences against <J^T v, w>: in one pass, in several, and on the tape of another prior.
TEST(TiledPrior, PullsBackByTheTransposedDerivative) {
  for (const auto& [tile, height, width] :
       {std::tuple<std::int64_t, std::int64_t, std::int64_t>{8, 21, 30}, {256, 600, 520}}) {
    const auto inner = std::make_shared<OfOneSize>(std::vector<std::int64_t>{tile, tile});
    const auto tiled = std::make_shared<TiledPrior>(inner, height, width);
    const ChannelwisePrior channels(tiled, 2);
    const at::Tensor x = normal({2, height, width}), w = normal({2, height, width}, 1),
                     v = normal({2, height, width}, 2);
    const double h = 1e-5, size = std::sqrt(static_cast<double>(x.numel()));
    const NoiseLevel level = level_of(0.7);
    const Linearized own = tiled->linearize(x.narrow(1, 0, 1).contiguous(), level);
    const auto one = [](const at::Tensor& t) { return t.narrow(1, 0, 1).contiguous(); };
    const at::Tensor along =
        (tiled->denoise(one(x) + h * one(w), level) - tiled->denoise(one(x) - h * one(w), level)) / (2 * h);
    const double expected = (one(v) * along).sum().item<double>();
    EXPECT_NEAR((own.pullback(one(v)) * one(w)).sum().item<double>(), expected, 1e-6 * size);
    EXPECT_NEAR((own.pullback(one(v)) * one(w)).sum().item<double>(), expected, 1e-6 * size) << "a second time";
    EXPECT_LT(largest(own.x0 - tiled->denoise(one(x), level)), 1e-14);
    if (tile > 8) {
      EXPECT_EQ(inner->most, 4) << "tiles of 2^16 pixels, 2^18 at a time";
      continue;
    }
    const at::Tensor taped = channels.linearize(x, level).pullback(v);
    EXPECT_LT(largest(one(taped) - own.pullback(one(v))), 1e-12);
  }
}

// A network that sees single pixels and where they lie does not see the tiles, whether they are mirrored or not.
TEST(TiledPrior, TellsWhereTilesLie) {
  const std::int64_t side = 256;  // 2^16 pixels a tile: 4 tiles at a time
  for (const auto symmetry : {ImageSymmetry::none, ImageSymmetry::mirror, ImageSymmetry::square}) {
    PriorPtr tile = test::placed_prior({side, side}, symmetry), whole = test::placed_prior({}, symmetry);
    if (symmetry != ImageSymmetry::none) {
      tile = std::make_shared<EquivariantPrior>(tile);
      whole = std::make_shared<EquivariantPrior>(whole);
    }
    for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{256, 300}, {600, 520}}) {
      const TiledPrior prior(tile, height, width);
      const at::Tensor x = normal({1, height, width}), v = normal({1, height, width}, 1);
      for (const double r : {0.05, 0.3, 1.0, 1.7, 7.0}) {
        const Linearized got = prior.linearize(x, level_of(r)), expected = whole->linearize(x, level_of(r));
        const double tolerance = 1e-6 * largest(expected.x0);  // float32 networks
        EXPECT_LT(largest(prior.denoise(x, level_of(r)) - expected.x0), tolerance);
        EXPECT_LT(largest(got.x0 - expected.x0), tolerance);
        EXPECT_LT(largest(got.pullback(v) - expected.pullback(v)), 1e-5 * largest(v)) << height << " at " << r;
      }
    }
  }
}

TEST(TiledPrior, TakesAboutTwoNetworkPixelsAPixel) {
  const auto inner = std::make_shared<OfOneSize>(std::vector<std::int64_t>{16, 16});
  const TiledPrior prior(inner, 256, 256);
  prior.denoise(normal({1, 256, 256}), level_of(1));
  EXPECT_LT(static_cast<double>(inner->seen) * 16 * 16, 2 * 2.4 * 256 * 256) << "two images";
  EXPECT_THROW(
      TiledPrior(std::make_shared<ChannelwisePrior>(std::make_shared<OfOneSize>(std::vector<std::int64_t>{}), 1), 9, 9),
      Error);
}

}  // namespace
}  // namespace recon
