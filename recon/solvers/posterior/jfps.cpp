#include "recon/solvers/posterior/jfps.h"

#include <ATen/ATen.h>

#include <cmath>
#include <functional>

#include "recon/core/device_constant.h"
#include "recon/core/error.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/inner_solves.h"

namespace recon {
namespace {

constexpr const char* jfps_stream = "jfps";
constexpr double kLeastShare = 1e-6;
constexpr int kBisections = 20;  // of 14 e-folds: a share exact to 1e-5

/// V at each level.
class StationaryCovariance {
 public:
  explicit StationaryCovariance(const SolverContext& context) : prior_(context.prior()) {
    const Shape& image = context.problem().image.shape;
    const at::Tensor power = prior_.power_spectrum(image[image.size() - 2], image.back());
    if (!power.defined()) {
      throw usage_error("solver jfps",
                        "the prior {} does not know the power spectrum of its images; write `power_spectrum` into its "
                        "card (recon inspect PRIOR --denoise IMAGES prints it), or use dps",
                        prior_.name());
    }
    power_ = DeviceConstant(power);
  }

  /// v -> V v at the relative noise r, for v like `like`.
  std::function<at::Tensor(const at::Tensor&)> at(double r, const at::Tensor& like) const {
    const at::Tensor power = share_at(r) * power_.like(like);
    const at::Tensor gain = r * r * power / (power + r * r);
    return [gain](const at::Tensor& v) {
      const at::Tensor filtered = at::fft_ifft2(at::fft_fft2(v) * gain);
      return v.is_complex() ? filtered : at::real(filtered);  // power(k) = power(-k)
    };
  }

 private:
  /// By bisection in its logarithm: the mean variance rises with it.
  double share_at(double r) const {
    const double stated = prior_.denoising_mse(r);
    const auto mean_variance = [&](double share) {
      const at::Tensor power = share * power_.value();
      return (r * r * power / (power + r * r)).mean().item<double>();
    };
    if (!(stated > 0) || mean_variance(1) <= stated) return 1;
    double low = std::log(kLeastShare), high = 0;
    for (int i = 0; i < kBisections; ++i) {
      const double middle = 0.5 * (low + high);
      (mean_variance(std::exp(middle)) > stated ? high : low) = middle;
    }
    return std::exp(high);
  }

  const Prior& prior_;
  DeviceConstant power_;
};

}  // namespace

void Jfps::visit(ParameterVisitor& v) {
  sampling.visit(v);
  v.field("solves", solves, "conjugate gradients per step on the data's own system; none needs the network",
          {.min = 1, .max = 100});
}

at::Tensor Jfps::run(SolverContext& context) const {
  const StationaryCovariance covariance(context);
  InnerSolves inner(context, solves);
  StepGuidance guidance;
  at::Tensor residual_squares;
  const auto conditioned = [&](const at::Tensor& x_t, const NoiseLevel& level) {
    const double tweedie = level.sigma * level.sigma / level.alpha;
    const auto times_covariance = covariance.at(level.relative_sigma(), x_t);
    const auto pullback = [&](const at::Tensor& v) { return times_covariance(v) / tweedie; };
    const Linearized denoised{.x0 = context.denoise(x_t, level), .pullback = pullback};
    const InnerSolves::Conditioned y = inner.at_level(denoised, level);
    residual_squares = y.residual_squares;
    return guidance.added(denoised.x0, y.shift);
  };
  return sampling.sample(context, sampling.levels(context), jfps_stream, conditioned, [&](SamplerStep&) {
    return GuidedSampler::Judged{.residual_squares = residual_squares, .guidance = guidance.take()};
  });
}

}  // namespace recon
