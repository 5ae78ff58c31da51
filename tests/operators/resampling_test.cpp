// Downsampling against Pillow, against block means and against what "no shift" means.
#include "operators/resampling/super_resolution.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

at::Tensor matrix_of(const nlohmann::json& rows) {
  std::vector<double> values;
  for (const auto& row : rows) {
    for (const auto& value : row) values.push_back(value.get<double>());
  }
  const auto height = static_cast<std::int64_t>(rows.size());
  return at::tensor(values, at::kDouble).view({height, -1});
}

at::Tensor draw(const Shape& shape) {
  return Rng(5, "resampling_test").normal({StreamKey{}}, 0, {shape, ScalarKind::real}, at::kDouble);
}

/// A ramp with distinct slopes along rows and columns.
at::Tensor ramp(std::int64_t height, std::int64_t width) {
  return (3 * at::arange(height, at::kDouble).unsqueeze(1) + at::arange(width, at::kDouble).unsqueeze(0))
      .view({1, 1, height, width});
}

TEST(Bicubic, EqualsPillow) {
  const auto golden =
      nlohmann::json::parse(std::ifstream(test::source_path("tests/golden/operators/pillow_bicubic.json")));
  const at::Tensor image = matrix_of(golden["image"]).view({1, 1, 24, 36});
  for (const std::int64_t factor : {2, 3, 4}) {
    const auto op = make_bicubic_downsampling({{1, 24, 36}, ScalarKind::real}, factor, BicubicBorder::renormalize);
    const at::Tensor expected = matrix_of(golden[fmt::format("factor_{}", factor)]);
    // The golden is written with six decimals and computed in float32 (image values are below 2).
    const double bound = 0.5e-6 + 2 * 8 * 0x1p-24;
    EXPECT_LT((op->apply(image)[0][0] - expected).abs().max().item<double>(), bound) << "factor " << factor;
  }
}

TEST(Bicubic, MirroredBorderIsThatOfTheMirroredImage) {
  const at::Tensor x = draw({1, 16, 24});
  const at::Tensor wide = at::cat({x.flip(2), x, x.flip(2)}, 2);
  const at::Tensor all = at::cat({wide.flip(3), wide, wide.flip(3)}, 3);
  const auto mirrored = make_bicubic_downsampling({{1, 16, 24}, ScalarKind::real}, 4, BicubicBorder::mirror);
  const auto plain = make_bicubic_downsampling({{1, 48, 72}, ScalarKind::real}, 4, BicubicBorder::renormalize);
  const at::Tensor expected = plain->apply(all).narrow(2, 4, 4).narrow(3, 6, 6);
  EXPECT_LT((mirrored->apply(x) - expected).abs().max().item<double>(), 1e-13);
}

TEST(Average, EqualsAveragePooling) {
  const at::Tensor x = draw({3, 12, 18});
  const auto op = make_average_downsampling({{3, 12, 18}, ScalarKind::real}, 3);
  EXPECT_TRUE(at::allclose(op->apply(x), at::avg_pool2d(x, {3, 3}), 0, 1e-14));
}

TEST(SuperResolution, CausesNoShift) {
  // A linear ramp keeps its value at the centre of each block, (f - 1) / 2 from the block's first pixel; borders apart.
  for (const std::int64_t factor : {2, 3, 4}) {
    const std::int64_t side = 24 * factor;
    const at::Tensor x = ramp(side, side);
    const double half = 0.5 * static_cast<double>(factor - 1);
    const at::Tensor expected = (ramp(24, 24) * static_cast<double>(factor) + 4 * half).slice(2, 6, 18).slice(3, 6, 18);
    for (const char* filter : {"average", "bicubic", "kernel"}) {
      const auto op = build_operator(
          fmt::format(R"({{"type": "super_resolution", "factor": {}, "filter": "{}", "std_px": 1.2}})", factor, filter),
          {{1, side, side}, ScalarKind::real});
      const at::Tensor got = op->apply(x).slice(2, 6, 18).slice(3, 6, 18);
      const double bound = 8 * 0x1p-52 * static_cast<double>(side) * x.max().item<double>();
      EXPECT_LT((got - expected).abs().max().item<double>(), bound) << filter << " by " << factor;
    }
  }
}

TEST(SuperResolution, RefusesWhatCannotBe) {
  const auto message = [](const std::string& json, const TensorSpec& image) -> std::string {
    try {
      build_operator(json, image);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(message(R"({"type": "super_resolution", "factor": 4})", {{1, 18, 16}, ScalarKind::real})
                .find("crop it to 16 x 16"),
            std::string::npos);
  EXPECT_NE(
      message(R"({"type": "super_resolution", "factor": 2})", {{1, 16, 16}, ScalarKind::complex}).find("two channels"),
      std::string::npos);
  EXPECT_NE(message(R"({"type": "super_resolution", "factor": 1})", {{1, 16, 16}, ScalarKind::real}).find("factor"),
            std::string::npos);
}

}  // namespace
}  // namespace recon
