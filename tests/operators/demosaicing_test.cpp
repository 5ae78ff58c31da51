#include "operators/demosaicing/demosaicing.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/diagnostics.h"
#include "recon/core/error.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

TEST(Demosaicing, PicksTheFiltersColour) {
  // Colours told apart by their hundreds, pixels by the rest: 100 c + 10 i + j.
  const at::Tensor rows = at::arange(3, at::kDouble).view({3, 1}) * 10 + at::arange(4, at::kDouble);
  const at::Tensor x = (rows + 100 * at::arange(3, at::kDouble).view({3, 1, 1})).unsqueeze(0);
  const std::string colours = "rgb";
  for (const std::string pattern : {"rggb", "bggr", "grbg", "gbrg"}) {
    const at::Tensor y =
        make_demosaicing({{3, 3, 4}, ScalarKind::real}, from_word<BayerPattern>(pattern, "test"))->apply(x);
    for (std::int64_t i = 0; i < 3; ++i) {
      for (std::int64_t j = 0; j < 4; ++j) {
        const auto colour = static_cast<double>(colours.find(pattern[static_cast<std::size_t>(2 * (i % 2) + j % 2)]));
        EXPECT_EQ(y[0][0][i][j].item<double>(), 100 * colour + static_cast<double>(10 * i + j)) << pattern;
      }
    }
  }
}

TEST(Demosaicing, MeasuresEveryPixelOnce) {
  const auto op = make_demosaicing({{3, 5, 7}, ScalarKind::real}, BayerPattern::grbg);
  EXPECT_EQ(op->measured_components(), 35);
  const at::Tensor y = at::arange(35, at::kDouble).view({1, 1, 5, 7});
  EXPECT_TRUE(at::equal(op->apply(op->adjoint(y)), y));  // A A^H = I
  EXPECT_TRUE(at::equal(op->pseudo_inverse(y), op->adjoint(y)));
  // All laws on odd sides, where the pattern ends in its middle.
  EXPECT_TRUE(check_operator(*op).all_hold());
}

TEST(Demosaicing, RefusesWhatIsNotAColourImage) {
  const auto message = [](const TensorSpec& image, const std::string& pattern) -> std::string {
    try {
      make_demosaicing(image, from_word<BayerPattern>(pattern, "demosaicing"));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(message({{1, 4, 4}, ScalarKind::real}, "rggb").find("3 channels R, G, B, got real [1, 4, 4]"),
            std::string::npos);
  EXPECT_NE(message({{3, 4, 4}, ScalarKind::complex}, "rggb").find("expected a real image"), std::string::npos);
  EXPECT_NE(message({{3, 4, 4}, ScalarKind::real}, "rgbg").find("got 'rgbg'"), std::string::npos);
}

}  // namespace
}  // namespace recon
