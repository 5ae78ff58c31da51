#pragma once

#include "priors/networks/parameters.h"

namespace recon {

/// Parameters of a network of colour images (UNet2D), for the same network of grey images, as the beginning of its
/// training.
///
/// The grey network g gives for a grey image x what the colour network f gives for x in all three channels, averaged
/// over them: g(x) = (1/3) sum_c f_c([x, x, x]). So the weights of its first convolution are summed over the colours,
/// and those of its last one averaged. Channel c s² + k of a colour network is pixel k of the s x s block of colour c.
/// `others` channels after those of the image stay as they are.
class GrayParameters final : public ParameterSource {
 public:
  explicit GrayParameters(const std::vector<NamedTensor>& colour, std::int64_t others = 0);
  at::Tensor get(const std::string& name, const Shape& shape) override;

 private:
  CopiedParameters colour_;
  std::int64_t others_;
};

}  // namespace recon
