#pragma once

#include <string>

#include "priors/networks/parameters.h"
#include "recon/core/rng.h"

namespace recon {

/// Fresh parameters for a network that is to be trained, drawn per name from the seed.
///
/// Weights of convolutions and linear layers, and their biases, are uniform on ±1/sqrt(fan_in), torch's default (He et
/// al. 2015 with a = sqrt(5)); norms begin as the identity; frequencies of a Fourier time embedding are N(0, 16²) (Song
/// et al. 2021, appendix C). The last convolution begins at zero (Ho et al. 2020's code), so that training starts from
/// the prediction 0.
class ParameterInitializer final : public ParameterSource {
 public:
  explicit ParameterInitializer(std::uint64_t seed) : rng_(seed, "initial parameters") {}
  at::Tensor get(const std::string& name, const Shape& shape) override;

 private:
  Rng rng_;
  std::string layer_;  ///< prefix of the weight that was asked for last
  double bound_ = 0;   ///< of the bias that follows it
};

}  // namespace recon
