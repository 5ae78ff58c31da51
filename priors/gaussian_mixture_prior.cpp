#include "priors/gaussian_mixture_prior.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t kDraws = 32;  ///< per component, for the mean squared error

ImageDomain domain_of(const std::vector<MixtureComponent>& components, double low, double high) {
  if (components.empty()) throw data_error("prior gaussian_mixture", "expected at least one component");
  const Shape& image = components.front().covariance.image();
  for (const auto& component : components) {
    if (component.covariance.image() != image) {
      throw data_error("prior gaussian_mixture", "expected every component to be of images {}, got {}",
                       to_string(image), to_string(component.covariance.image()));
    }
    if (!(component.weight > 0 && std::isfinite(component.weight))) {
      throw data_error("prior gaussian_mixture", "expected weights > 0, got {}", component.weight);
    }
  }
  return {.channels = image[0], .fixed_size = {image[1], image[2]}, .low = low, .high = high};
}

}  // namespace

GaussianMixturePrior::GaussianMixturePrior(std::vector<MixtureComponent> components, NoiseSchedule schedule, double low,
                                           double high)
    : Prior("gaussian_mixture", domain_of(components, low, high), std::move(schedule)),
      mse_table_([this](double relative_sigma) { return measured_mse(relative_sigma); }) {
  double total = 0;
  for (const auto& component : components) total += component.weight;
  for (auto& component : components) {
    weights_.push_back(component.weight / total);
    components_.push_back(std::make_unique<const GaussianPrior>(component.mean, std::move(component.covariance)));
  }
}

at::Tensor GaussianMixturePrior::joint_log_density(const at::Tensor& x_t, const NoiseLevel& level) const {
  std::vector<at::Tensor> joint;
  for (std::size_t k = 0; k < components_.size(); ++k) {
    joint.push_back(components_[k]->log_density(x_t, level) + std::log(weights_[k]));
  }
  return at::stack(joint, 1);
}

at::Tensor GaussianMixturePrior::responsibilities(const at::Tensor& x_t, const NoiseLevel& level) const {
  return at::softmax(joint_log_density(x_t, level), 1);
}

at::Tensor GaussianMixturePrior::log_density(const at::Tensor& x_t, const NoiseLevel& level) const {
  return at::logsumexp(joint_log_density(x_t, level), 1);
}

at::Tensor GaussianMixturePrior::do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const {
  const at::Tensor shares = responsibilities(x_t, level);
  at::Tensor x0 = at::zeros_like(x_t);
  for (std::size_t k = 0; k < components_.size(); ++k) {
    const at::Tensor share = shares.select(1, static_cast<std::int64_t>(k)).view({-1, 1, 1, 1});
    x0 = x0 + share * denoise_on_tape(*components_[k], x_t, level);
  }
  return x0;
}

at::Tensor GaussianMixturePrior::sample(const Rng& rng, const std::vector<StreamKey>& keys,
                                        const at::TensorOptions& like) const {
  const at::Tensor position = rng.uniform(keys, 1, {{1}, ScalarKind::real});
  std::vector<at::Tensor> draws;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    double rest = position[static_cast<std::int64_t>(i)].item<double>();
    std::size_t k = 0;
    while (k + 1 < weights_.size() && rest >= weights_[k]) rest -= weights_[k++];
    draws.push_back(components_[k]->sample(rng, {keys[i]}, like));
  }
  return at::cat(draws);
}

double GaussianMixturePrior::measured_mse(double relative_sigma) const {
  const NoiseLevel level{1, relative_sigma};
  const Rng image_rng(0, "mixture mse: image"), noise_rng(0, "mixture mse: noise");
  double mse = 0;
  for (std::size_t k = 0; k < components_.size(); ++k) {
    std::vector<StreamKey> keys;
    for (std::int64_t i = 0; i < kDraws; ++i) keys.push_back({k, static_cast<std::uint32_t>(i)});
    const at::Tensor x0 = components_[k]->sample(image_rng, keys, at::kDouble);
    const at::Tensor x_t = x0 + relative_sigma * noise_rng.normal(keys, 0, spec_of_item(x0), at::kDouble);
    const at::Tensor mean = denoise(x_t, level), shares = responsibilities(x_t, level);
    // Var[x_0 | x_t] = sum_j p(j | x_t) (Var[x_0 | x_t, j] + (E[x_0 | x_t, j] - E[x_0 | x_t])²)
    for (std::size_t j = 0; j < components_.size(); ++j) {
      const at::Tensor distance = (components_[j]->denoise(x_t, level) - mean).square().flatten(1).mean(1);
      const at::Tensor share = shares.select(1, static_cast<std::int64_t>(j));
      mse += weights_[k] * (share * (distance + components_[j]->denoising_mse(relative_sigma))).mean().item<double>();
    }
  }
  return mse;
}

MixturePosterior GaussianMixturePrior::posterior(const at::Tensor& matrix, const at::Tensor& y,
                                                 double noise_std) const {
  MixturePosterior result;
  std::vector<at::Tensor> evidence;  // log w_k + log N(y; A mean_k, A Sigma_k A^T + noise_std² I)
  const at::Tensor A = matrix.to(at::kCPU, at::kDouble), data = y.to(at::kCPU, at::kDouble);
  for (std::size_t k = 0; k < components_.size(); ++k) {
    const at::Tensor S = components_[k]->covariance().dense();
    const at::Tensor& mean = components_[k]->mean();
    result.components.push_back(gaussian_posterior(mean, S, A, data, noise_std));
    const at::Tensor data_covariance =
        at::matmul(at::matmul(A, S), A.t()) + noise_std * noise_std * at::eye(A.size(0), at::kDouble);
    const at::Tensor factor = at::linalg_cholesky(data_covariance);
    const at::Tensor residual = data - at::matmul(A, mean.flatten());
    const at::Tensor white = at::linalg_solve_triangular(factor, residual.t(), /*upper=*/false);
    evidence.push_back(std::log(weights_[k]) - factor.diagonal().log().sum() - 0.5 * white.square().sum(0));
  }
  result.weights = at::softmax(at::stack(evidence, 1), 1);
  result.mean = at::zeros_like(result.components.front().mean);
  at::Tensor second = at::zeros_like(result.mean);
  for (std::size_t k = 0; k < components_.size(); ++k) {
    const at::Tensor share = result.weights.select(1, static_cast<std::int64_t>(k)).view({-1, 1, 1, 1});
    result.mean = result.mean + share * result.components[k].mean;
    second = second + share * (result.components[k].std.square() + result.components[k].mean.square());
  }
  result.std = (second - result.mean.square()).clamp_min(0).sqrt();
  return result;
}

}  // namespace recon
