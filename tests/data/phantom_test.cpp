#include "data/phantom.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <numbers>

#include "data/image_source.h"
#include "recon/core/error.h"

namespace recon {
namespace {

TEST(Phantom, HasTheValuesAndAreasOfItsEllipses) {
  const at::Tensor image = shepp_logan(200)[0];
  const auto at_place = [&](double x, double y) {  // x right, y up, on [-1, 1]
    return image[static_cast<std::int64_t>((1 - y) * 100)][static_cast<std::int64_t>((x + 1) * 100)].item<double>();
  };
  EXPECT_EQ(at_place(-0.95, 0.95), 0);
  EXPECT_NEAR(at_place(0, 0.9), 1, 1e-6);     // skull
  EXPECT_NEAR(at_place(0, -0.3), 0.2, 1e-6);  // brain
  EXPECT_NEAR(at_place(0.22, 0), 0, 1e-6);    // ventricles
  EXPECT_NEAR(at_place(-0.22, 0), 0, 1e-6);
  EXPECT_NEAR(at_place(0, 0.4), 0.3, 1e-6);  // above the middle only: y points up
  EXPECT_NEAR(at_place(0.03, -0.4), 0.2, 1e-6);
  // sum of value · pi a b over the ellipses, which lie within one another or overlap with values >= 0; edges of pixels
  // of 0.01 by 8 x 8 points: 1e-4 of an area.
  const double sums = 1.0 * 0.69 * 0.92 - 0.8 * 0.6624 * 0.8740 - 0.2 * (0.11 * 0.31 + 0.16 * 0.41) +
                      0.1 * (0.21 * 0.25 + 2 * 0.046 * 0.046 + 2 * 0.046 * 0.023 + 0.023 * 0.023);
  EXPECT_NEAR(image.to(at::kDouble).mean().item<double>() * 4, std::numbers::pi * sums,
              3e-4 * std::numbers::pi * sums + 2e-4);
}

TEST(Phantom, IsAnImageSource) {
  const ImageSource source = ImageSource::open("phantom:shepp_logan:32", {.channels = ChannelRule::rgb});
  EXPECT_EQ(source.ids(), std::vector<std::string>{"shepp_logan"});
  EXPECT_TRUE(at::equal(source.image(0), shepp_logan(32).expand({3, 32, 32})));
  EXPECT_FALSE(phantom_size("phantoms/a.png").has_value());
  for (const char* wrong :
       {"phantom:disc:32", "phantom:shepp_logan:", "phantom:shepp_logan:0", "phantom:shepp_logan:9x"}) {
    EXPECT_THROW(phantom_size(wrong), Error) << wrong;
  }
}

}  // namespace
}  // namespace recon
