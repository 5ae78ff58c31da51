// Our own group norm with SiLU against LibTorch's in double precision.
#include "priors/networks/fused_norm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "priors/networks/avx512.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

constexpr double kEps = 1e-5;

struct NormCase {
  Shape image;  ///< [B, C, H, W]
  std::int64_t groups;
  bool silu;
  double mean;  ///< of the image, whose standard deviation is 1
};

at::Tensor normal(const Shape& shape, const char* name) {
  const TensorSpec spec{shape, ScalarKind::real};
  return Rng(0, name).normal({{0, 0}}, 0, spec, at::kDouble)[0].to(at::kBFloat16).to(at::kDouble);
}

using Gradients = std::vector<at::Tensor>;  ///< the result first, then of x, weight, bias

class FusedNorm : public testing::TestWithParam<NormCase> {
 protected:
  void SetUp() override {
    if (!has_avx512()) GTEST_SKIP() << "this processor has no AVX-512";
  }
  const NormCase c = GetParam();
  const at::Tensor x = (normal(c.image, "x") + c.mean).to(at::kBFloat16).to(at::kDouble),
                   weight = normal({c.image[1]}, "weight"), bias = normal({c.image[1]}, "bias"),
                   g = normal(c.image, "gradient");

  template <class F>
  Gradients gradients(at::ScalarType image, at::ScalarType weights, F f) const {
    const at::Tensor in = x.to(image).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_(true);
    const at::Tensor w = weight.to(weights).requires_grad_(true), b = bias.to(weights).requires_grad_(true);
    const at::Tensor y = f(in, w, b);
    const auto pulled = torch::autograd::grad({y}, {in, w, b}, {g.to(y.scalar_type())});
    return {y.detach(), pulled[0], pulled[1], pulled[2]};
  }
  Gradients expected() const {
    return gradients(at::kDouble, at::kDouble, [&](const auto& in, const auto& w, const auto& b) {
      const at::Tensor z = at::group_norm(in, c.groups, w, b, kEps);
      return c.silu ? at::silu(z) : z;
    });
  }
  Gradients own(at::ScalarType type) const {
    return gradients(type, at::kFloat, [&](const at::Tensor& in, const at::Tensor& w, const at::Tensor& b) {
      EXPECT_TRUE(takes_fused_norm(in, w));
      return fused_norm(in, c.groups, w, b, kEps, c.silu);
    });
  }
};

double largest_error(const at::Tensor& got, const at::Tensor& expected) {
  EXPECT_EQ(got.sizes(), expected.sizes());
  return ((got.to(at::kDouble) - expected).abs().max() / expected.abs().max()).item<double>();
}

TEST_P(FusedNorm, IsThatOfDoublePrecision) {
  const Gradients right = expected(), single = own(at::kFloat), half = own(at::kBFloat16);
  constexpr double of_float = 4e-6, of_bfloat16 = 1.0 / 256, of_its_exponential = 5e-5;
  for (std::size_t i = 0; i < right.size(); ++i) {
    // Values far from zero have fewer digits for what they differ by.
    EXPECT_LT(largest_error(single[i], right[i]), of_float * (1 + std::abs(c.mean))) << i;
    EXPECT_LT(largest_error(half[i], right[i]), i < 2 ? of_bfloat16 : of_its_exponential) << i;
  }
}

TEST_P(FusedNorm, DoesNotDependOnThreads) {
  const Gradients one = own(at::kBFloat16);
  const int threads = at::get_num_threads();
  at::set_num_threads(2);
  const Gradients two = own(at::kBFloat16);
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].equal(two[i])) << i;
}

INSTANTIATE_TEST_SUITE_P(Shapes, FusedNorm,
                         testing::Values(NormCase{{2, 32, 5, 7}, 8, true, 0}, NormCase{{1, 64, 40, 33}, 32, true, 0},
                                         NormCase{{3, 16, 1, 2}, 1, false, 0}, NormCase{{1, 128, 16, 16}, 32, true, 30},
                                         NormCase{{2, 48, 9, 3}, 48, false, -30},
                                         NormCase{{2, 18, 17, 31}, 18, true, 0}, NormCase{{1, 3, 6, 5}, 1, true, 0}));

TEST(FusedNormOf, LargeAndInvalidValuesGoThroughTheActivationAsInLibTorch) {
  if (!has_avx512()) GTEST_SKIP() << "this processor has no AVX-512";
  const at::Tensor x = normal({1, 16, 4, 4}, "x").to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor weight = at::full({16}, 200.0), bias = at::zeros({16});
  const at::Tensor expected = at::silu(at::group_norm(x, 4, weight, bias, kEps));
  EXPECT_LT(largest_error(fused_norm(x, 4, weight, bias, kEps, true), expected), 1e-5);
  x.select(3, 1).fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(fused_norm(x, 4, weight, bias, kEps, true).isnan().all().item<bool>());
  EXPECT_TRUE(fused_norm(x.to(at::kBFloat16), 4, weight, bias, kEps, true).isnan().all().item<bool>());
}

TEST(FusedNormOf, LeavesOtherLayoutsToLibTorch) {
  const at::Tensor x = at::zeros({1, 16, 4, 4}), weight = at::ones({16});
  const auto last = [](const at::Tensor& image) { return image.contiguous(at::MemoryFormat::ChannelsLast); };
  EXPECT_EQ(takes_fused_norm(last(x), weight), has_avx512());
  EXPECT_FALSE(takes_fused_norm(x, weight)) << "channels first";
  EXPECT_FALSE(takes_fused_norm(last(x.to(at::kDouble)), weight)) << "double precision";
}

}  // namespace
}  // namespace recon
