#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "priors/linear_measurement.h"
#include "recon/core/tensor_spec.h"

namespace recon::test {

/// y = mask (x_0 + noise_std n) of images `[batch, C, H, W]`; `mask` [C, H, W], of zeros and ones. The mean given a
/// Gaussian is dense.
inline LinearMeasurement masked(const at::Tensor& mask, const at::Tensor& data, std::vector<double> noise_std,
                                const std::string& name = "mask") {
  const at::Tensor m = mask.to(data.options()), seen = m * data;
  const auto gaussian_mean = [=](const at::Tensor& mean, const LinearMeasurement::ImageMap& root) {
    const std::int64_t n = mean[0].numel();
    const at::Tensor R =
        root(at::eye(n, mean.options()).view({n, mean.size(1), mean.size(2), mean.size(3)})).flatten(1);
    std::vector<at::Tensor> means;
    for (std::int64_t i = 0; i < mean.size(0); ++i) {
      const double variance = noise_std[static_cast<std::size_t>(i)] * noise_std[static_cast<std::size_t>(i)];
      const at::Tensor matrix = variance * at::eye(n, mean.options()) + at::matmul(R * m.flatten(), R);
      const at::Tensor b = at::matmul(R, (seen[i] - m * mean[i]).flatten());
      means.push_back(mean[i] + at::matmul(R, at::linalg_solve(matrix, b)).view_as(mean[i]));
    }
    return at::stack(means);
  };
  const auto filter = [m](const at::Tensor& x, const LinearMeasurement::ImageMap& f) {
    return x * f(m.to(x.options()).unsqueeze(0));
  };
  return {.operator_name = name,
          .backprojected = seen,
          .noise_std = std::move(noise_std),
          .filter = filter,
          .gaussian_mean = gaussian_mean};
}

}  // namespace recon::test
