// A prior for images on the slices of volumes.
#include "priors/slices_prior.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "priors/channelwise_prior.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

using enum SliceOrientation;

/// A denoiser of images of any size that looks at neighbours and is not linear, with its exact derivative on the tape.
class Neighbours final : public Prior {
 public:
  explicit Neighbours(std::int64_t multiple = 1)
      : Prior("neighbours", {.channels = 1, .fixed_size = {}, .multiple = multiple}, NoiseSchedule::vp_linear()) {}
  double denoising_mse(double) const override { return 0.1; }
  mutable std::int64_t most = 0;

 private:
  at::Tensor do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const override {
    most = std::max(most, x_t.size(0));
    const at::Tensor x = x_t / level.alpha;
    return at::tanh(x + 0.5 * at::roll(x, {1}, {-1}) - 0.2 * at::roll(x, {1}, {-2}));
  }
};

at::Tensor normal(const Shape& shape, std::uint32_t step = 0) {
  return Rng(3, "slices prior test").normal({{0, 0}, {1, 0}}, step, {shape, ScalarKind::real}, at::kDouble);
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

const NoiseLevel kLevel{.alpha = 0.8, .sigma = 0.6};

TEST(SlicesPrior, DenoisesEverySlice) {
  const auto inner = std::make_shared<Neighbours>();
  const SlicesPrior prior(inner);
  const at::Tensor x = normal({1, 5, 6, 7}), d = prior.denoise(x, kLevel);
  for (std::int64_t z = 0; z < 5; ++z) {
    EXPECT_LT(largest(d.select(2, z) - inner->denoise(x.select(2, z).contiguous(), kLevel)), 1e-15);
  }
  EXPECT_EQ(prior.domain().slice_multiple, 1);
}

TEST(SlicesPrior, OfSeveralOrientationsIsTheirMean) {
  const auto inner = std::make_shared<Neighbours>();
  const at::Tensor x = normal({1, 5, 6, 7});
  at::Tensor expected = at::zeros_like(x);
  for (std::int64_t axis = 2; axis < 5; ++axis) {
    for (std::int64_t k = 0; k < x.size(axis); ++k) {
      expected.select(axis, k) += inner->denoise(x.select(axis, k).contiguous(), kLevel) / 3;
    }
  }
  EXPECT_LT(largest(SlicesPrior(inner, {axial, coronal, sagittal}).denoise(x, kLevel) - expected), 1e-14);
}

// <v, J w> by differences against <J^T v, w>, of a volume on one tape and of one that goes in parts.
TEST(SlicesPrior, PullsBackByTheTransposedDerivative) {
  for (const auto& [orientations, shape] : {std::pair<std::vector<SliceOrientation>, Shape>{{axial}, {1, 3, 6, 7}},
                                            {{axial, coronal, sagittal}, {1, 5, 6, 7}},
                                            {{axial}, {1, 9, 256, 256}}}) {
    const auto inner = std::make_shared<Neighbours>();
    const SlicesPrior prior(inner, orientations);
    const at::Tensor x = normal(shape), w = normal(shape, 1), v = normal(shape, 2);
    const Linearized linearized = prior.linearize(x, kLevel);
    EXPECT_LT(largest(linearized.x0 - prior.denoise(x, kLevel)), 1e-15);
    const double h = 1e-5;
    const at::Tensor along = (prior.denoise(x + h * w, kLevel) - prior.denoise(x - h * w, kLevel)) / (2 * h);
    const double expected = (v * along).sum().item<double>(), size = std::sqrt(static_cast<double>(x.numel()));
    EXPECT_NEAR((linearized.pullback(v) * w).sum().item<double>(), expected, 1e-7 * size);
    EXPECT_NEAR((linearized.pullback(v) * w).sum().item<double>(), expected, 1e-7 * size) << "a second time";
    if (shape.back() == 256) {
      EXPECT_EQ(inner->most, 4) << "slices of 2^16 pixels, 2^18 at a time";
    }
  }
}

TEST(SlicesPrior, FoldsChannelsWithinSlices) {
  const auto inner = std::make_shared<Neighbours>();
  const SlicesPrior prior(std::make_shared<ChannelwisePrior>(inner, 2));
  const at::Tensor x = normal({2, 3, 4, 4}), d = prior.denoise(x, kLevel);
  EXPECT_LT(largest(d.select(1, 1).select(1, 2) -
                    inner->denoise(x.select(1, 1).select(1, 2).unsqueeze(1).contiguous(), kLevel).squeeze(1)),
            1e-15);
}

TEST(SlicesPrior, RefusesWhatItCannotDo) {
  const auto inner = std::make_shared<Neighbours>(4);
  EXPECT_EQ(SlicesPrior(inner, {axial, sagittal}).domain().slice_multiple, 4);
  EXPECT_THROW(SlicesPrior(inner, std::vector<SliceOrientation>{}), Error);
  EXPECT_THROW(SlicesPrior(inner, {axial, axial}), Error);
  EXPECT_THROW(SlicesPrior(std::make_shared<SlicesPrior>(inner)), Error);
  EXPECT_THROW(SlicesPrior(inner).denoise(normal({1, 8, 8}), kLevel), Error) << "images to a prior for volumes";
  EXPECT_THROW(SlicesPrior(inner, {axial, coronal}).denoise(normal({1, 6, 8, 8}), kLevel), Error);
  EXPECT_THROW(inner->denoise(normal({1, 6, 8, 8}), kLevel), Error);
}

}  // namespace
}  // namespace recon
