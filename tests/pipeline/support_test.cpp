// What was measured, told from the data.
#include "recon/pipeline/items/support.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "recon/pipeline/items/brightness.h"
#include "recon/pipeline/items/operator_source.h"

namespace recon {
namespace {

at::Tensor uniform(std::uint64_t i, std::uint32_t step, const Shape& shape) {
  return Rng(21, "support test").uniform({{i, 0}}, step, {shape, ScalarKind::real})[0];
}

/// Noise everywhere, 1 + C channels.
at::Tensor data(std::uint64_t i, const Shape& shape, bool complex) {
  return Rng(22, "support data")
      .normal({{i, 0}}, 0, {shape, complex ? ScalarKind::complex : ScalarKind::real},
              complex ? at::kComplexDouble : at::kDouble)[0];
}

std::string fault(const at::Tensor& y, const at::Tensor& mask) {
  try {
    require_mask_agrees(y, mask, "FILE item 3");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    return error.what();
  }
  return "";
}

/// Columns, rows, points, or a block; not symmetric.
at::Tensor random_mask(std::uint64_t i, std::int64_t h, std::int64_t w) {
  const double share = 0.25 + 0.5 * uniform(i, 9, {1}).item<double>();
  at::Tensor mask;
  switch (i % 4) {
    case 0:
      mask = (uniform(i, 1, {1, w}) < share).expand({h, w});
      break;
    case 1:
      mask = (uniform(i, 1, {h, 1}) < share).expand({h, w});
      break;
    case 2:
      mask = uniform(i, 1, {h, w}) < share;
      break;
    default:
      mask = at::zeros({h, w}, at::kBool);
      mask.narrow(0, 2, h / 3).narrow(1, w / 2, w / 3).fill_(true);
  }
  return mask.to(at::kDouble).contiguous();
}

TEST(Support, WrongMasksAreNamedAndRightOnesPassInTwoHundredRandomCases) {
  int named = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const bool complex = i % 8 < 4;
    const std::int64_t h = 24, w = i % 3 == 0 ? 24 : 20, channels = 1 + static_cast<std::int64_t>(i % 2);
    const at::Tensor mask = random_mask(i, h, w);
    const double measured = mask.mean().item<double>();
    if (measured < 0.05 || measured > 0.95) continue;
    const at::Tensor y = data(i, {channels, h, w}, complex) * mask;
    EXPECT_EQ(fault(y, mask.unsqueeze(0)), "") << i;
    EXPECT_NE(fault(y, 1 - mask).find("the wrong way round"), std::string::npos) << i;
    // Values where the mask says nothing was measured are no fault, nor are NaN and fill values.
    EXPECT_EQ(fault(data(i, {channels, h, w}, complex), mask), "") << i;
    EXPECT_EQ(fault(at::where(mask > 0, y, at::full_like(y, 65535)), mask), "") << i;
    EXPECT_EQ(fault(at::where(mask > 0, y, at::full_like(y, std::nan(""))), mask), "") << i;
    if (h != w || at::equal(mask, mask.t())) continue;
    const std::string transposed = fault(y, mask.t().contiguous());
    if (transposed.empty()) continue;  // hardly another mask
    ++named;
    EXPECT_NE(transposed.find("transpose"), std::string::npos) << i << " " << transposed;
  }
  EXPECT_GT(named, 30);
}

TEST(Support, LinesAlongTheWrongAxisAreNamed) {
  const at::Tensor rows = (at::arange(24).remainder(3) == 0).to(at::kDouble).unsqueeze(1).expand({24, 20});
  const at::Tensor columns = (at::arange(20).remainder(3) == 0).to(at::kDouble).unsqueeze(0).expand({24, 20});
  EXPECT_NE(fault(data(1, {1, 24, 20}, true) * rows, columns).find("wrong axis"), std::string::npos);
  EXPECT_NE(fault(data(1, {1, 24, 20}, true) * columns, rows).find("whole rows"), std::string::npos);
}

TEST(Support, ABlackPictureIsNoFault) {
  const at::Tensor mask = random_mask(2, 24, 24);
  at::Tensor y = data(1, {1, 24, 24}, false).abs() * mask;
  y.narrow(1, 0, 16).zero_();  // two thirds are black, and some of it is measured
  EXPECT_EQ(fault(y, mask), "");
  EXPECT_FALSE(mask_from_zeros(y, mask.unsqueeze(0)).has_value());
}

TEST(Support, MasksAreFoundFromZerosInTwoHundredRandomCases) {
  for (std::uint64_t i = 0; i < 200; ++i) {
    const at::Tensor truly = random_mask(i, 32, 24), stated = random_mask(i + 1000, 32, 24);
    const at::Tensor y = data(i, {2, 32, 24}, true) * truly * stated;
    const at::Tensor both = truly * stated;
    if (both.sum().item<double>() < 64) continue;
    const auto found = mask_from_zeros(y, stated.unsqueeze(0));
    if (at::equal(both, stated)) {
      EXPECT_FALSE(found.has_value()) << i;
      continue;
    }
    ASSERT_TRUE(found.has_value()) << i;
    EXPECT_TRUE(at::equal(found->mask, both)) << i;
    EXPECT_NE(found->text.find("exact zeros"), std::string::npos);
    EXPECT_FALSE(mask_from_zeros(y, found->mask.unsqueeze(0)).has_value()) << i;
  }
  at::Tensor lines = data(1, {1, 32, 24}, true);
  lines.narrow(2, 20, 4).zero_();
  EXPECT_EQ(mask_from_zeros(lines, {})->text, "4 of 24 columns are exact zeros");
}

TEST(Support, WhatIsHiddenIsZeroWhateverItIs) {
  const at::Tensor mask = random_mask(2, 8, 8);
  at::Tensor y = data(1, {1, 8, 8}, false);
  const at::Tensor clean = y * mask;
  for (const double hidden : {std::nan(""), static_cast<double>(INFINITY), 65535.0}) {
    EXPECT_TRUE(at::equal(on_support(at::where(mask > 0, y, at::full_like(y, hidden)), mask), clean)) << hidden;
  }
}

TEST(Brightness, UnitsThatNoImageHasAreSaid) {
  const TensorSpec image{{1, 32, 32}, ScalarKind::real};
  const at::Tensor x = uniform(1, 1, {1, 1, 32, 32}) * 0.8;
  const auto build = [&](const std::string& config) { return build_stored_operator(config, {}, image, "test", {}).op; };
  const OperatorPtr magnitude = build("type: fourier_magnitude\n");
  const at::Tensor y = magnitude->apply(x);
  EXPECT_EQ(brightness_warning(y, *magnitude, {0, 1}), "");
  EXPECT_NE(brightness_warning(y.square(), *magnitude, {0, 1}).find("square root"), std::string::npos);
  EXPECT_NE(brightness_warning(255 * y, *magnitude, {0, 1}).find("image_range"), std::string::npos);
  for (const char* config : {"type: blur\n", "type: radon\n", "type: super_resolution\n", "type: inpainting\n"}) {
    const OperatorPtr op = build(config);
    EXPECT_EQ(brightness_warning(op->apply(x), *op, {0, 1}), "") << config;
    EXPECT_NE(brightness_warning(255 * op->apply(x), *op, {0, 1}), "") << config;
    EXPECT_EQ(brightness_warning(255 * op->apply(x), *op, {0, 255}), "") << config;
  }
}

TEST(Support, SaturationIsSaid) {
  at::Tensor y = data(3, {1, 64, 64}, false);
  EXPECT_EQ(saturation_warning(y, {}), "");
  EXPECT_EQ(saturation_warning(at::round(10 * y), {}), "");  // coarse values are shared everywhere
  EXPECT_NE(saturation_warning(y.clamp_max(1.0), {}).find("largest"), std::string::npos);
  y.narrow(1, 0, 10).fill_(-9999);
  EXPECT_NE(saturation_warning(y, {}).find("smallest one, -9999"), std::string::npos);
  at::Tensor mask = at::ones({1, 64, 64}, at::kDouble);
  mask.narrow(1, 0, 10).zero_();
  EXPECT_EQ(saturation_warning(y, mask), "");
}

}  // namespace
}  // namespace recon
