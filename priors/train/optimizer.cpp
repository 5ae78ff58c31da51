#include "priors/train/optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <numbers>

#include "recon/core/error.h"

namespace recon {
namespace {

/// A dense tensor as one row, in the order of its memory: _fused_adamw_ would copy any other order at each step.
at::Tensor as_row(const at::Tensor& dense) { return dense.as_strided({dense.numel()}, {1}); }

}  // namespace

Optimizer::Optimizer(const std::vector<NamedTensor>& parameters, const TrainingOptions& options) : options_(options) {
  if (options.betas.size() != 2 ||
      !(options.betas[0] >= 0 && options.betas[0] < 1 && options.betas[1] >= 0 && options.betas[1] < 1)) {
    throw usage_error("betas", "expected two numbers in [0, 1)");
  }
  const auto keep = [this](const char* group, const std::string& name, const at::Tensor& value) {
    state_.push_back({fmt::format("{}/{}", group, name), value});
    return as_row(value);
  };
  for (const auto& [name, value] : parameters) {
    const at::Tensor weight = value.detach();  // shares the memory, not the graph
    weights_.push_back(weight);
    rows_.push_back(as_row(weight));
    first_.push_back(keep("first", name, at::zeros_like(weight)));
    second_.push_back(keep("second", name, at::zeros_like(weight)));
    counts_.push_back(at::zeros({}, weight.options()));
    state_.push_back({fmt::format("count/{}", name), counts_.back()});
    const at::Tensor average = options.ema > 0 ? weight.clone() : weight;
    if (options.ema > 0) averages_.push_back(keep("average", name, average));
    average_.push_back({name, average});
  }
}

double Optimizer::learning_rate(const TrainingOptions& options, std::int64_t step, double share) {
  const auto at = static_cast<double>(step), warmup = static_cast<double>(options.warmup);
  if (at < warmup) return options.learning_rate * (at + 1) / warmup;
  if (options.decay == RateDecay::constant) return options.learning_rate;
  const double warm = std::min(warmup / static_cast<double>(options.steps), share);
  const double left = std::max(0.0, 1 - share) / std::max(1 - warm, 1e-9);
  return options.learning_rate * 0.5 * (1 - std::cos(std::numbers::pi * std::min(left, 1.0)));
}

double Optimizer::update(std::vector<at::Tensor> gradients, std::int64_t step, double rate) {
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const bool alike = gradients[i].strides() == weights_[i].strides();
    gradients[i] = as_row(alike ? gradients[i] : at::empty_like(weights_[i]).copy_(gradients[i]));
  }
  const double norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients))).item<double>();
  if (!std::isfinite(norm)) return norm;
  if (options_.gradient_clip > 0 && norm > options_.gradient_clip) {
    at::_foreach_mul_(gradients, options_.gradient_clip / norm);
  }
  at::_foreach_add_(counts_, 1);
  at::_fused_adamw_(rows_, gradients, first_, second_, /*max_exp_avg_sqs=*/{}, counts_, rate, options_.betas[0],
                    options_.betas[1], options_.weight_decay,
                    /*eps=*/1e-8, /*amsgrad=*/false, /*maximize=*/false);
  // It does not count as a change of the weights, and packed ones would be taken for theirs (PackedWeights).
  for (const at::Tensor& weight : weights_) weight.unsafeGetTensorImpl()->bump_version();
  if (options_.ema > 0) {
    const auto n = static_cast<double>(step);
    at::_foreach_lerp_(averages_, rows_, 1 - std::min(options_.ema, (1 + n) / (10 + n)));
  }
  return norm;
}

}  // namespace recon
