#include "recon/solvers/posterior/ddrm.h"

#include <ATen/ATen.h>

#include "recon/solvers/context.h"
#include "recon/solvers/posterior/spectral_data.h"

namespace recon {
namespace {

constexpr const char* ddrm_stream = "ddrm";

/// Start and steps of the coefficients u; see the header.
class SpectralSampler {
 public:
  SpectralSampler(SolverContext& context, double eta, double eta_b)
      : data_(spectral_data(context, "solver ddrm")),
        noise_(data_.noise_ratio * per_item(context.problem().noise_std, data_.noise_ratio)),
        eta_(eta),
        eta_b_(eta_b) {}

  const SpectralForm& form() const { return data_.form; }

  at::Tensor start(double r, const at::Tensor& z) const {
    const at::Tensor informed = data_.measured.logical_and(noise_ <= r);
    const at::Tensor fresh = (r * r - noise_.square()).clamp_min(0).sqrt();
    return at::where(informed, data_.y + fresh * z, r * z);
  }

  at::Tensor step(const at::Tensor& u, const at::Tensor& d, double from, double to, const at::Tensor& z) const {
    const double carried_std = std::sqrt(1 - eta_ * eta_) * to;
    const at::Tensor from_prior = (carried_std / from) * (u - d);
    const at::Tensor from_data = carried_std * (data_.y - d) / noise_.clamp_min(1e-30);
    const at::Tensor noisy = d + at::where(data_.measured, from_data, from_prior) + (eta_ * to) * z;
    const at::Tensor fresh = (to * to - (eta_b_ * noise_).square()).clamp_min(0).sqrt();
    const at::Tensor informed = data_.measured.logical_and(noise_ <= to);
    return at::where(informed, d + eta_b_ * (data_.y - d) + fresh * z, noisy);
  }

 private:
  SpectralData data_;
  at::Tensor noise_;  ///< `[batch, ...]` n_i; 0 where not measured
  double eta_, eta_b_;
};

}  // namespace

void Ddrm::visit(ParameterVisitor& v) {
  v.field("steps", steps, "network steps", {.min = 1});
  v.field("eta", eta, "share of fresh noise where the data say nothing new", {.min = 0, .max = 1});
  v.field("eta_b", eta_b, "share of the data in coefficients that they know better than x_t", {.min = 0, .max = 1});
  v.choice("spacing", spacing, "how steps are placed");
}

at::Tensor Ddrm::run(SolverContext& context) const {
  const Prior& prior = context.prior();
  prior.require_start_from_noise();
  std::vector<NoiseLevel> levels = prior.schedule().steps(steps, spacing, prior.max_relative_sigma());
  levels.push_back({.alpha = 1, .sigma = 0});
  const SpectralSampler sampler(context, eta, eta_b);
  const auto spectrum = [&](const at::Tensor& x) { return context.operate([&] { return sampler.form().analyze(x); }); };
  const auto image = [&](const at::Tensor& c) { return context.operate([&] { return sampler.form().synthesize(c); }); };
  at::Tensor x =
      levels[0].alpha * image(sampler.start(levels[0].relative_sigma(), spectrum(context.normal(ddrm_stream, 0))));
  at::Tensor estimate = x;
  for (std::int64_t done = 1; done <= steps; ++done) {
    const NoiseLevel &from = levels[static_cast<std::size_t>(done) - 1], &to = levels[static_cast<std::size_t>(done)];
    const at::Tensor denoised = context.denoise(x, from), z = context.normal(ddrm_stream, done);
    x = to.alpha * image(sampler.step(spectrum(x / from.alpha), spectrum(denoised), from.relative_sigma(),
                                      to.relative_sigma(), spectrum(z)));
    estimate = to.sigma > 0 ? denoised : x;
    if (!context.end_step({.done = done, .total = steps, .relative_sigma = to.relative_sigma(), .residual_squares = {}},
                          x, estimate)) {
      break;
    }
  }
  return estimate;
}

}  // namespace recon
