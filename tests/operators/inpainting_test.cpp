#include "operators/inpainting/inpainting.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "recon/core/error.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

at::Tensor mask_of(const std::string& json, const TensorSpec& image = {{1, 20, 30}, ScalarKind::real}) {
  return build_operator(json, image)->support()[0];
}

TEST(Inpainting, RandomMaskMissesTheGivenShare) {
  const at::Tensor mask = mask_of(R"({"type": "inpainting", "missing_fraction": 0.7, "seed": 4})");
  EXPECT_EQ(mask.sum().item<double>(), 180);  // 30 % of 600 pixels, exactly
  EXPECT_TRUE(at::equal(mask, mask_of(R"({"type": "inpainting", "missing_fraction": 0.7, "seed": 4})")));
  EXPECT_FALSE(at::equal(mask, mask_of(R"({"type": "inpainting", "missing_fraction": 0.7, "seed": 5})")));
}

TEST(Inpainting, BoxAndStripesLieWhereTheyAreSaidTo) {
  const at::Tensor box = mask_of(R"({"type": "inpainting", "pattern": "box", "box": [2, 5, 3, 7]})");
  EXPECT_EQ(box.sum().item<double>(), 600 - 21);
  EXPECT_EQ(box.narrow(0, 2, 3).narrow(1, 5, 7).max().item<double>(), 0);
  const at::Tensor central = mask_of(R"({"type": "inpainting", "pattern": "box"})");
  EXPECT_EQ(central.narrow(0, 5, 10).narrow(1, 7, 15).max().item<double>(), 0);
  EXPECT_EQ(central.sum().item<double>(), 600 - 150);
  const at::Tensor stripes =
      mask_of(R"({"type": "inpainting", "pattern": "stripes", "stripe_period": 5, "stripe_width": 2})");
  EXPECT_EQ(stripes.sum().item<double>(), 12 * 30);
  EXPECT_EQ(stripes.narrow(0, 5, 2).max().item<double>(), 0);
  EXPECT_EQ(stripes.narrow(0, 7, 3).min().item<double>(), 1);
}

TEST(Inpainting, GivenMaskMayDifferPerChannel) {
  const auto op =
      build_operator(R"({"type": "inpainting", "mask": [[[1, 0]], [[0, 1]]]})", {{2, 1, 2}, ScalarKind::real});
  const at::Tensor x = at::tensor({1., 2., 3., 4.}, at::kDouble).view({1, 2, 1, 2});
  EXPECT_TRUE(at::equal(op->apply(x).flatten(), at::tensor({1., 0., 0., 4.}, at::kDouble)));
  EXPECT_EQ(op->measured_components(), 2);
}

TEST(Inpainting, MeasuredComponentsCountEveryChannelAndBothParts) {
  const std::string json = R"({"type": "inpainting", "missing_fraction": 0.5})";
  EXPECT_EQ(build_operator(json, {{1, 4, 4}, ScalarKind::real})->measured_components(), 8);
  EXPECT_EQ(build_operator(json, {{3, 4, 4}, ScalarKind::real})->measured_components(), 24);
  EXPECT_EQ(build_operator(json, {{1, 4, 4}, ScalarKind::complex})->measured_components(), 16);
}

TEST(Inpainting, RefusesWhatCannotBe) {
  const auto message = [](const std::string& json) -> std::string {
    try {
      mask_of(json, {{1, 2, 2}, ScalarKind::real});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  };
  const auto expect_words = [&](const std::string& json, const char* words) {
    EXPECT_NE(message(json).find(words), std::string::npos) << message(json);
  };
  expect_words(R"({"type": "inpainting", "mask": [[1, 0]]})", "for an image [1, 2, 2], got [1, 2]");
  expect_words(R"({"type": "inpainting", "mask": [[1, 0.5], [0, 0]]})", "holds 1 (measured) and 0");
  expect_words(R"({"type": "inpainting", "mask": [[0, 0], [0, 0]]})", "measures nothing");
  expect_words(R"({"type": "inpainting", "missing_fraction": 1})", "measures nothing");
  expect_words(R"({"type": "inpainting", "pattern": "box", "box": [0, 0, 3, 1]})", "does not lie in the 2 x 2 image");
  expect_words(R"({"type": "inpainting", "pattern": "box", "box": [0, 0, 1]})", "expected [top, left, height, width]");
  expect_words(R"({"type": "inpainting", "pattern": "stripes", "stripe_period": 2})", "nothing would be measured");
  expect_words(R"({"type": "inpainting", "pattern": "array"})", "go together");
}

}  // namespace
}  // namespace recon
