#include "recon/solvers/posterior/data_conditional.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

#include "recon/core/rng.h"
#include "recon/solvers/posterior/data_step.h"
#include "recon/solvers/posterior/jacobian.h"

namespace recon {
namespace {

constexpr IterativeSolve solve_accuracy{.tolerance = 1e-5, .max_iterations = 100};

}  // namespace

double denoiser_variance(const Prior& prior, double r) {
  const double half_range = (prior.domain().high - prior.domain().low) / 2;
  const double stated = prior.denoising_mse(r);
  return stated > 0 ? stated : half_range * half_range * r * r / (1 + r * r);
}

DataConditional::DataConditional(SolverContext& context, std::string stream, std::int64_t langevin_steps)
    : context_(context),
      stream_(std::move(stream)),
      langevin_steps_(langevin_steps),
      linear_(std::dynamic_pointer_cast<const LinearOperator>(context.problem().op)),
      noise_variance_(noise_variances(context)) {
  if (linear_ == nullptr) return;
  spectral_ = linear_->spectral();
  if (const at::Tensor support = linear_->support(); support.defined()) support_ = DeviceConstant(support);
}

at::Tensor DataConditional::draw(const at::Tensor& center, double variance, std::int64_t index) {
  return linear_ != nullptr ? draw_exactly(center, variance, index) : draw_by_langevin(center, variance, index);
}

at::Tensor DataConditional::draw_exactly(const at::Tensor& center, double variance, std::int64_t index) {
  const at::Tensor rho = noise_variance_ / variance;
  const at::Tensor z = context_.normal(stream_ + " image", index);
  const auto shifted = [&](const at::Tensor& c, const at::Tensor& y) {
    return c + linear_->solve_shifted(linear_->adjoint(y - linear_->apply(c)), rho, solve_accuracy);
  };
  if (spectral_) {
    return context_.operate([&] {
      const at::Tensor mean = shifted(center, context_.y());
      return mean + spectral_->filter(z, [&](const at::Tensor& values) {
        return (values / per_item(noise_variance_, values) + 1 / variance).rsqrt();
      });
    });
  }
  at::Tensor n =
      Rng(context_.seed(), stream_ + " data")
          .normal(context_.problem().keys, static_cast<std::uint32_t>(index), linear_->range(), context_.y().options());
  if (support_.defined()) n = n * support_.like(n);
  return context_.operate([&] {
    return shifted(center + std::sqrt(variance) * z, context_.y() + per_item(noise_variance_.sqrt(), n) * n);
  });
}

at::Tensor DataConditional::draw_by_langevin(const at::Tensor& center, double variance, std::int64_t index) {
  const at::Tensor stiffness = squared_jacobian_norm(context_, center) / noise_variance_ + 1 / variance;
  const at::Tensor h = stiffness.rsqrt();
  const at::Tensor decay = (-2 / std::sqrt(variance) * h).exp();
  const at::Tensor kick = per_item(0.5 * h, center), drift = per_item(0.5 * h, center);
  const at::Tensor keep = per_item(decay, center), renew = per_item((1 - decay.square()).sqrt(), center);
  const auto force = [&](const at::Tensor& x) {
    const at::Tensor misfit = context_.operate([&] { return context_.op().gradient(x, context_.y()); });
    return (center - x) / variance - misfit / per_item(noise_variance_, x);
  };
  const auto z = [&, first = index * (langevin_steps_ + 1)](std::int64_t k) {
    return context_.normal(stream_ + " langevin", first + k);
  };
  at::Tensor x = center, p = z(0), f = force(x);  // position, momentum, force
  for (std::int64_t k = 1; k <= langevin_steps_; ++k) {
    p = p + kick * f;  // BAOAB: half a kick, half a drift, the friction with its noise, and the halves again
    x = x + drift * p;
    p = keep * p + renew * z(k);
    x = x + drift * p;
    f = force(x);
    p = p + kick * f;
  }
  return x;
}

}  // namespace recon
