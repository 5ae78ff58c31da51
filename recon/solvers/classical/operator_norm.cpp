#include "recon/solvers/classical/operator_norm.h"

#include <ATen/ATen.h>

#include <cmath>

#include "recon/core/rng.h"

namespace recon {

double squared_operator_norm(const LinearOperator& op, const at::TensorOptions& like, double change) {
  constexpr std::int64_t kMaxIterations = 60;
  constexpr double kMargin = 1.02;
  at::Tensor x = Rng(0, "operator norm").normal({{0, 0}}, 0, op.domain(), like);
  double norm = 0, length = std::sqrt(squared_norms(x).item<double>());
  for (std::int64_t i = 0; i < kMaxIterations; ++i) {
    x = op.normal(x / length);
    length = std::sqrt(squared_norms(x).item<double>());
    const bool settled = std::abs(length - norm) <= change * length;
    norm = length;
    if (settled) break;
  }
  return kMargin * norm;
}

}  // namespace recon
