#pragma once

#include <vector>

#include "priors/networks/parameters.h"

namespace recon {

/// Parameters of a network of images (UNet2D), for the same network that takes further channels, after the first
/// `before` of its own or after all (-1), as the beginning of its training: it gives what the first one does, whatever
/// they hold.
class WidenedParameters final : public ParameterSource {
 public:
  explicit WidenedParameters(const std::vector<NamedTensor>& narrow, std::int64_t before = -1);
  at::Tensor get(const std::string& name, const Shape& shape) override;

 private:
  std::vector<NamedTensor> narrow_;
  CopiedParameters copied_;
  std::int64_t before_;
};

}  // namespace recon
