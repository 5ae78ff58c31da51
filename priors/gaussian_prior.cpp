#include "priors/gaussian_prior.h"

#include <ATen/ATen.h>

#include <numbers>
#include <utility>

#include "recon/core/error.h"

namespace recon {
namespace {

ImageDomain domain_of(const Shape& image, double low, double high) {
  return {.channels = image[0], .fixed_size = {image[1], image[2]}, .low = low, .high = high};
}

}  // namespace

GaussianPosterior gaussian_posterior(const at::Tensor& mean, const at::Tensor& covariance, const at::Tensor& matrix,
                                     const at::Tensor& y, double noise_std) {
  const std::int64_t n = mean.numel(), m = matrix.dim() == 2 ? matrix.size(0) : 0;
  if (matrix.sizes() != at::IntArrayRef({m, n}) || y.dim() != 2 || y.size(1) != m || !(noise_std > 0)) {
    throw internal_error("gaussian_posterior",
                         "expected a matrix [m, {}], data [batch, m] and noise_std > 0, got {} {} {}", n,
                         to_string(shape_of(matrix)), to_string(shape_of(y)), noise_std);
  }
  const auto as_double = [](const at::Tensor& tensor) { return tensor.to(at::kCPU, at::kDouble); };
  const at::Tensor A = as_double(matrix), S = as_double(covariance), mu = as_double(mean);
  const at::Tensor AS = at::matmul(A, S);
  const at::Tensor data_covariance = at::matmul(AS, A.t()) + noise_std * noise_std * at::eye(m, at::kDouble);
  const at::Tensor factor = at::linalg_cholesky(data_covariance);
  const at::Tensor residual = as_double(y) - at::matmul(A, mu.flatten());
  const at::Tensor shift = at::matmul(at::cholesky_solve(residual.t(), factor).t(), AS);  // (K residual)^T
  const at::Tensor posterior = S - at::matmul(AS.t(), at::cholesky_solve(AS, factor));
  Shape batch = shape_of(mu);
  batch.insert(batch.begin(), y.size(0));
  return {mu + shift.reshape(batch), posterior.diagonal().clamp_min(0).sqrt().view_as(mu), posterior};
}

GaussianPrior::GaussianPrior(const at::Tensor& mean, Covariance covariance, NoiseSchedule schedule, double low,
                             double high, std::string name)
    : Prior(std::move(name), domain_of(covariance.image(), low, high), std::move(schedule)),
      mean_(mean),
      covariance_(std::move(covariance)) {
  if (mean.sizes() != at::IntArrayRef(covariance_.image())) {
    throw data_error("prior gaussian", "expected a mean of shape {}, got {}", to_string(covariance_.image()),
                     to_string(shape_of(mean)));
  }
}

at::Tensor GaussianPrior::do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const {
  const at::Tensor mean = mean_.like(x_t);
  const double r2 = level.relative_sigma() * level.relative_sigma();
  return mean + covariance_.filter(x_t / level.alpha - mean, [&](const at::Tensor& l) { return l / (l + r2); });
}

at::Tensor GaussianPrior::do_denoise_given(const at::Tensor& x_t, const NoiseLevel& level,
                                           const LinearMeasurement& y) const {
  const double r2 = level.relative_sigma() * level.relative_sigma();
  return y.gaussian_mean(do_denoise(x_t, level), [&](const at::Tensor& u) {
    return covariance_.filter(u, [&](const at::Tensor& l) { return (l * r2 / (l + r2)).sqrt(); });
  });
}

at::Tensor GaussianPrior::sample(const Rng& rng, const std::vector<StreamKey>& keys,
                                 const at::TensorOptions& like) const {
  const at::Tensor white = rng.normal(keys, 0, {covariance_.image(), ScalarKind::real}, like);
  return mean_.like(white) + covariance_.filter(white, [](const at::Tensor& l) { return l.sqrt(); });
}

at::Tensor GaussianPrior::log_density(const at::Tensor& x_t, const NoiseLevel& level) const {
  const double a2 = level.alpha * level.alpha, s2 = level.sigma * level.sigma;
  const auto variance = [&](const at::Tensor& l) { return a2 * l + s2; };
  const at::Tensor d = x_t - level.alpha * mean_.like(x_t);
  const at::Tensor distance =
      (d * covariance_.filter(d, [&](const at::Tensor& l) { return variance(l).reciprocal(); })).flatten(1).sum(1);
  const double log_volume = covariance_.trace_of([&](const at::Tensor& l) { return variance(l).log(); }) +
                            static_cast<double>(covariance_.pixels()) * std::log(2 * std::numbers::pi);
  return -0.5 * (distance + log_volume);
}

at::Tensor GaussianPrior::power_spectrum(std::int64_t height, std::int64_t width) const {
  const bool own_size = domain().fixed_size == std::vector<std::int64_t>{height, width};
  return covariance_.is_stationary() && own_size ? covariance_.eigenvalues() : at::Tensor();
}

double GaussianPrior::denoising_mse(double relative_sigma) const {
  const double r2 = relative_sigma * relative_sigma;
  const auto posterior_variance = [&](const at::Tensor& l) { return l * r2 / (l + r2).clamp_min(1e-300); };
  return covariance_.trace_of(posterior_variance) / static_cast<double>(covariance_.pixels());
}

GaussianPosterior GaussianPrior::posterior(const at::Tensor& matrix, const at::Tensor& y, double noise_std) const {
  return gaussian_posterior(mean(), covariance_.dense(), matrix, y, noise_std);
}

}  // namespace recon
