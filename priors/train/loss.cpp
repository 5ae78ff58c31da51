#include "priors/train/loss.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {

Weighting usual_weighting(Prediction prediction) {
  if (prediction == Prediction::score) return Weighting::sigma_squared;
  return prediction == Prediction::edm ? Weighting::edm : Weighting::simple;
}

double loss_weight(const LossOptions& options, const NoiseLevel& level) {
  const Conversion row = conversion(options.prediction, level, options.sigma_data);
  const double b = row.out / row.x0;  // d x_0 / d out
  const double r = level.relative_sigma(), sd = options.sigma_data;
  switch (options.weighting) {
    case Weighting::simple:
      return 1;
    case Weighting::sigma_squared:
      return level.sigma * level.sigma;
    case Weighting::snr:
      return b * b / (r * r);
    case Weighting::min_snr:
      return b * b * std::min(1 / (r * r), options.gamma);
    case Weighting::edm:
      return b * b * (r * r + sd * sd) / (r * sd * r * sd);
  }
  throw internal_error("loss_weight", "unnamed weighting {}", static_cast<int>(options.weighting));
}

at::Tensor weighted_loss(const at::Tensor& out, const at::Tensor& target, const std::vector<double>& weights) {
  return ((out - target).square() * per_item(weights, out)).mean();
}

}  // namespace recon
