#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <utility>
#include <vector>

#include "priors/network_prior.h"

namespace recon::test {

/// A network that looks at single pixels and at where they lie: out = tanh((1 + x) in + 2 y).
class PlacedNetwork final : public Network {
 public:
  PlacedNetwork() { parameters_.push_back({"weight", at::ones({1})}); }
  at::Tensor forward(const at::Tensor& x, const at::Tensor&) const override {
    const at::Tensor across = x.narrow(1, 1, 1), down = x.narrow(1, 2, 1);
    return at::tanh((1 + across) * x.narrow(1, 0, 1) + 2 * down);
  }
  std::int64_t in_channels() const override { return 3; }
  std::int64_t out_channels() const override { return 1; }
  std::int64_t size_multiple() const override { return 1; }
  std::shared_ptr<const Network> to(c10::Device) const override { return std::make_shared<PlacedNetwork>(); }
};

/// Its prior; `size`: empty for images of any.
inline std::shared_ptr<const NetworkPrior> placed_prior(std::vector<std::int64_t> size = {},
                                                        ImageSymmetry symmetry = ImageSymmetry::none) {
  NetworkPriorDescription description{.name = "placed",
                                      .domain = {.channels = 1, .fixed_size = std::move(size), .multiple = 1},
                                      .schedule = NoiseSchedule::vp_linear()};
  description.prediction = Prediction::x0;
  description.position_channels = true;
  description.symmetry = symmetry;
  return std::make_shared<const NetworkPrior>(description, std::make_shared<PlacedNetwork>());
}

}  // namespace recon::test
