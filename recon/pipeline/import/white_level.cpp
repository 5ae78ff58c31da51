#include "recon/pipeline/import/white_level.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"

namespace recon {

double white_level(const at::Tensor& magnitudes, const std::string& place) {
  constexpr double quantile = 0.999;
  const auto position = static_cast<std::int64_t>(quantile * static_cast<double>(magnitudes.size(0) - 1));
  const double white = std::get<0>(magnitudes.sort())[position].item<double>();
  if (!(white > 0)) throw data_error(place, "the centre of k-space is zero: there is no image in these data");
  return white;
}

}  // namespace recon
