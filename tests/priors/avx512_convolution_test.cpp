// Our own convolutions against LibTorch's in double precision, on values that bfloat16 holds exactly.
#include "priors/networks/avx512_convolution.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "priors/networks/avx512.h"
#include "priors/networks/precision.h"
#include "priors/train/optimizer.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

#define SKIP_WITHOUT_BFLOAT16() \
  if (!has_avx512_bfloat16()) GTEST_SKIP() << "this processor has no AVX512-BF16, or has AMX beside it"

struct Case {
  Shape image;  ///< [B, C, H, W]
  std::int64_t out, side;
};

at::Tensor rounded(const Shape& shape, const char* name) {
  const TensorSpec spec{shape, ScalarKind::real};
  return Rng(0, name).normal({{0, 0}}, 0, spec, at::kDouble)[0].to(at::kBFloat16).to(at::kDouble);
}

struct Answer {
  at::Tensor y, of_x, of_weight, of_bias;
};

/// Whole numbers from -most to most, times `unit`.
at::Tensor whole_numbers(const Shape& shape, const char* name, int most, int unit) {
  return (rounded(shape, name) * most).round().clamp(-most, most) * unit;
}

class Avx512Convolution : public testing::TestWithParam<std::tuple<Case, Precision>> {
 protected:
  void SetUp() override {
    if (precision == Precision::float32 && !has_avx512()) GTEST_SKIP() << "this processor has no AVX-512";
    if (precision == Precision::bfloat16) SKIP_WITHOUT_BFLOAT16();
  }
  const Case c = std::get<0>(GetParam());
  const Precision precision = std::get<1>(GetParam());
  at::Tensor x = rounded(c.image, "x"), weight = rounded({c.out, c.image[1], c.side, c.side}, "weight"),
             bias = rounded({c.out}, "bias"), g = rounded({c.image[0], c.out, c.image[2], c.image[3]}, "gradient");

  at::ScalarType entries() const { return precision == Precision::bfloat16 ? at::kBFloat16 : at::kFloat; }

  /// Of `f` at these values in one precision.
  template <class F>
  Answer answer(at::ScalarType type, at::MemoryFormat layout, F f) const {
    const at::Tensor in = x.to(type).contiguous(layout).requires_grad_(true);
    const at::Tensor w = weight.to(type).contiguous(layout).requires_grad_(true);
    const at::Tensor b = bias.to(type).requires_grad_(true);
    const at::Tensor y = f(in, w, b);
    const auto gradients = torch::autograd::grad({y}, {in, w, b}, {g.to(y.scalar_type())});
    return {y.detach(), gradients[0], gradients[1], gradients[2]};
  }
  Answer in_double_precision() const {
    const std::int64_t padding = c.side / 2;
    return answer(at::kDouble, at::MemoryFormat::Contiguous, [&](const auto& in, const auto& w, const auto& b) {
      return at::conv2d(in, w, b, {1, 1}, {padding, padding});
    });
  }
  Answer own(at::MemoryFormat layout = at::MemoryFormat::Contiguous) const {
    const PrecisionScope scope(precision, at::kCPU);
    return answer(at::kFloat, layout, [&](const at::Tensor& in, const at::Tensor& w, const at::Tensor& b) {
      EXPECT_TRUE(takes_avx512_conv2d(in, w, 1, c.side / 2));
      return avx512_conv2d(in, w, b, std::make_shared<PackedWeights>());
    });
  }
};

/// Largest difference in units of the root mean square of what is expected.
double error_of(const at::Tensor& got, const at::Tensor& expected) {
  EXPECT_EQ(got.sizes(), expected.sizes());
  return ((got.to(at::kDouble) - expected).abs().max() / expected.square().mean().sqrt()).item<double>();
}

constexpr double of_sums = 1e-4;  ///< float32, over some thousand terms

/// Half a digit of bfloat16, relative, of values below six times the rms. With a kernel of 3x3 sums of four pixels and
/// of weights are rounded too: twice as much in all.
double rounding_of(std::int64_t side, Precision precision) {
  if (precision == Precision::float32) return of_sums;
  return (side == 1 ? 6 : 12) * (1.0 / 256);
}

TEST_P(Avx512Convolution, IsThatOfDoublePrecision) {
  const Answer expected = in_double_precision(), got = own();
  EXPECT_EQ(got.y.scalar_type(), entries());
  EXPECT_TRUE(got.y.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_LT(error_of(got.y, expected.y), rounding_of(c.side, precision));
  EXPECT_LT(error_of(got.of_x, expected.of_x), rounding_of(c.side, precision));
  EXPECT_LT(error_of(got.of_weight, expected.of_weight), c.side == 1 ? of_sums : rounding_of(c.side, precision));
  EXPECT_LT(error_of(got.of_bias, expected.of_bias), of_sums);
}

// Sums of four of these numbers, and of nine of the weights by four, have no more than eight binary digits: only the
// outputs are rounded, and the gradients of the weights are exact.
TEST_P(Avx512Convolution, IsExactWhereNothingIsRounded) {
  x = whole_numbers(c.image, "x", 7, 1), bias = at::zeros({c.out}, at::kDouble);
  weight = whole_numbers({c.out, c.image[1], c.side, c.side}, "weight", 3, 4);
  g = whole_numbers({c.image[0], c.out, c.image[2], c.image[3]}, "gradient", 7, 1);
  const Answer expected = in_double_precision(), got = own();
  EXPECT_TRUE(got.y.equal(expected.y.to(entries())));
  EXPECT_TRUE(got.of_x.equal(expected.of_x.to(entries()).to(got.of_x.scalar_type())));
  EXPECT_TRUE(got.of_weight.to(at::kDouble).equal(expected.of_weight));
  EXPECT_TRUE(got.of_bias.to(at::kDouble).equal(expected.of_bias));
}

TEST_P(Avx512Convolution, DoesNotDependOnThreadsAndLayouts) {
  const Answer one = own();
  const int threads = at::get_num_threads();
  at::set_num_threads(2);
  const Answer two = own(at::MemoryFormat::ChannelsLast);
  at::set_num_threads(threads);
  EXPECT_TRUE(one.y.equal(two.y));
  EXPECT_TRUE(one.of_x.equal(two.of_x));
  EXPECT_TRUE(one.of_weight.equal(two.of_weight));
  EXPECT_TRUE(one.of_bias.equal(two.of_bias));
}

// Pixels that fill no tile, odd heights and widths, tiles of several blocks and images, groups of one to four vectors.
INSTANTIATE_TEST_SUITE_P(Shapes, Avx512Convolution,
                         testing::Combine(testing::Values(Case{{2, 16, 5, 7}, 16, 3}, Case{{1, 32, 1, 1}, 48, 3},
                                                          Case{{1, 64, 33, 34}, 80, 3}, Case{{3, 48, 4, 9}, 64, 1},
                                                          Case{{1, 128, 40, 96}, 32, 3}, Case{{1, 16, 3, 2}, 192, 1}),
                                          testing::Values(Precision::float32, Precision::bfloat16)));

TEST(PackedWeights, FollowTheWeights) {
  SKIP_WITHOUT_BFLOAT16();
  const PrecisionScope scope(Precision::bfloat16, at::kCPU);
  const at::Tensor x = rounded({1, 16, 4, 4}, "x").to(at::kFloat), bias = at::zeros({16});
  const at::Tensor weight = rounded({16, 16, 3, 3}, "weight").to(at::kFloat);
  const auto packed = std::make_shared<PackedWeights>();
  const at::Tensor before = avx512_conv2d(x, weight, bias, packed);
  weight.mul_(2);
  EXPECT_TRUE(avx512_conv2d(x, weight, bias, packed).equal(before * 2));
  weight.set_data(weight * 2);
  EXPECT_TRUE(avx512_conv2d(x, weight, bias, packed).equal(before * 4));
}

TEST(PackedWeights, AreMadeForTheEntriesAskedFor) {
  SKIP_WITHOUT_BFLOAT16();
  const at::Tensor weight = rounded({16, 16, 3, 3}, "weight").to(at::kFloat);
  PackedWeights packed;
  const at::Tensor full = packed.of(weight, /*turned=*/false, at::kFloat);
  EXPECT_TRUE(packed.of(weight, false, at::kFloat).is_same(full)) << "kept";
  EXPECT_EQ(packed.of(weight, false, at::kBFloat16).scalar_type(), at::kBFloat16);
  const at::Tensor large = at::zeros({512, 512, 3, 3});
  EXPECT_FALSE(packed.of(large, false, at::kFloat).is_same(packed.of(large, false, at::kFloat))) << "16 MiB";
}

// LibTorch's fused AdamW does not count as a change of what it changes.
TEST(PackedWeights, AreToldOfAnUpdateByTheOptimizer) {
  const at::Tensor weight = at::ones({16, 16, 3, 3}).requires_grad_(true);
  Optimizer optimizer({{"weight", weight}}, TrainingOptions{});
  const auto before = weight._version();
  optimizer.update({at::ones_like(weight)}, 0, 1e-3);
  EXPECT_GT(weight._version(), before);
}

TEST(Avx512Conv2d, WithoutBiasIsThatWithZeros) {
  if (!has_avx512()) GTEST_SKIP() << "this processor has no AVX-512";
  const at::Tensor x = rounded({2, 16, 5, 6}, "x").to(at::kFloat).requires_grad_(true);
  const at::Tensor weight = rounded({32, 16, 3, 3}, "weight").to(at::kFloat).requires_grad_(true);
  const auto gradients = [&](const at::Tensor& bias) {
    const at::Tensor y = avx512_conv2d(x, weight, bias, std::make_shared<PackedWeights>());
    auto result = torch::autograd::grad({y.square().sum()}, {x, weight});
    result.push_back(y);
    return result;
  };
  const auto none = gradients({}), zeros = gradients(at::zeros({32}));
  for (std::size_t i = 0; i < none.size(); ++i) EXPECT_TRUE(none[i].equal(zeros[i])) << i;
}

TEST(Avx512Conv2d, LeavesToLibTorchWhatItDoesNotDo) {
  const at::Tensor x = at::zeros({1, 16, 4, 4});
  const auto weight = [](std::int64_t out, std::int64_t side) { return at::zeros({out, 16, side, side}); };
  EXPECT_EQ(takes_avx512_conv2d(x, weight(16, 3), 1, 1), has_avx512());
  EXPECT_FALSE(takes_avx512_conv2d(x, weight(16, 3), 2, 1)) << "stride";
  EXPECT_FALSE(takes_avx512_conv2d(x, weight(16, 3), 1, 0)) << "padding";
  EXPECT_FALSE(takes_avx512_conv2d(x, weight(4, 3), 1, 1)) << "channels";
  EXPECT_FALSE(takes_avx512_conv2d(x, weight(16, 5), 1, 2)) << "side";
  const at::Tensor large = at::zeros({512, 512, 3, 3});
  EXPECT_FALSE(takes_avx512_conv2d(at::zeros({9, 512, 8, 8}), large, 1, 1)) << "packing takes longer";
  EXPECT_EQ(takes_avx512_conv2d(at::zeros({1, 512, 12, 12}), large, 1, 1), has_avx512());
  EXPECT_FALSE(takes_avx512_conv2d(x.to(at::kDouble), weight(16, 3).to(at::kDouble), 1, 1)) << "double precision";
  const PrecisionScope scope(Precision::bfloat16, at::kCPU);
  EXPECT_EQ(takes_avx512_conv2d(x, weight(16, 3), 1, 1), has_avx512_bfloat16());
}

}  // namespace
}  // namespace recon
