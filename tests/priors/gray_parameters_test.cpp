#include "priors/train/gray_parameters.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "priors/networks/unet2d.h"
#include "priors/train/network_options.h"
#include "priors/train/parameter_initializer.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

UNet2DConfig config(std::int64_t channels) {
  NetworkOptions options;
  options.channels = {8, 8};
  options.groups = 4;
  options.mid_attention = false;
  return options.config(channels, "small");
}

UNet2D colour_network(std::int64_t channels) {
  ParameterInitializer source(5);
  return {config(channels), source};
}

/// The grey network gives the mean over the colours of what the colour network gives for three equal channels.
TEST(GrayParameters, AreTheColourNetworkOnThreeEqualChannels) {
  const std::int64_t block = 4;  // pixels that become channels
  const UNet2D colour = colour_network(3 * block);
  for (const auto& [name, value] : colour.parameters()) {  // the last convolution begins at 0, and 0 shows nothing
    if (name.starts_with("conv_out"))
      value.copy_(Rng(6, name).normal({{0, 0}}, 0, {value.sizes().vec(), ScalarKind::real}, at::kFloat)[0]);
  }
  GrayParameters source(colour.parameters());
  const UNet2D gray(config(block), source);
  const at::Tensor x = Rng(7, "x").normal({{0, 0}}, 0, {{2, block, 8, 8}, ScalarKind::real}, at::kFloat)[0];
  const at::Tensor t = at::full({2}, 300.0F);
  const at::Tensor expected = colour.forward(x.repeat({1, 3, 1, 1}), t).unflatten(1, {3, block}).mean(1);
  EXPECT_LT((gray.forward(x, t) - expected).abs().max().item<double>(), 1e-5 * expected.abs().max().item<double>());
}

TEST(GrayParameters, LeaveOtherChannelsAsTheyAre) {
  ParameterInitializer fresh(5);
  UNet2DConfig wide = config(3);
  wide.in_channels += 2;
  const UNet2D colour(wide, fresh);
  for (const auto& [name, value] : colour.parameters()) {
    if (name == "conv_out.weight") value.fill_(0.1);
  }
  GrayParameters source(colour.parameters(), 2);
  UNet2DConfig narrow = config(1);
  narrow.in_channels += 2;
  const UNet2D gray(narrow, source);
  const at::Tensor x = Rng(7, "x").normal({{0, 0}}, 0, {{2, 3, 8, 8}, ScalarKind::real}, at::kFloat)[0];
  const at::Tensor image = x.narrow(1, 0, 1), others = x.narrow(1, 1, 2), t = at::full({2}, 300.0F);
  const at::Tensor expected = colour.forward(at::cat({image, image, image, others}, 1), t).mean(1, true);
  EXPECT_LT((gray.forward(x, t) - expected).abs().max().item<double>(), 1e-5 * expected.abs().max().item<double>());
}

}  // namespace
}  // namespace recon
