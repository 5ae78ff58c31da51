#include "priors/prior.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "recon/core/error.h"

namespace recon {
namespace {

void check_input(const Prior& prior, const at::Tensor& x_t, const NoiseLevel& level) {
  const std::string location = "prior " + prior.name();
  const ImageDomain& domain = prior.domain();
  const bool volumes = domain.slice_multiple > 0;
  if (!x_t.defined() || x_t.dim() != (volumes ? 5 : 4)) {
    throw internal_error(location, "expected {} [batch, {}, {}H, W], got {} axes", volumes ? "volumes" : "images",
                         domain.channels, volumes ? "D, " : "", x_t.defined() ? x_t.dim() : 0);
  }
  const std::int64_t height = x_t.size(-2), width = x_t.size(-1);
  Shape shape{domain.channels, height, width};
  if (volumes) shape.insert(shape.begin() + 1, x_t.size(2));
  require(x_t, {shape, ScalarKind::real}, location);
  if (volumes && x_t.size(2) % domain.slice_multiple != 0) {
    throw internal_error(location, "expected a number of slices that is a multiple of {}, got {}; pad the volume",
                         domain.slice_multiple, x_t.size(2));
  }
  if (!domain.fixed_size.empty() && domain.fixed_size != std::vector{height, width}) {
    throw internal_error(location, "expected images of size {}, got {}x{}", to_string(domain.fixed_size), height,
                         width);
  }
  if (height % domain.multiple != 0 || width % domain.multiple != 0) {
    throw internal_error(location, "expected height and width to be multiples of {}, got {}x{}; pad the image",
                         domain.multiple, height, width);
  }
  if (!(level.alpha > 0 && level.sigma >= 0 && std::isfinite(level.relative_sigma()))) {
    throw internal_error(location, "expected alpha > 0 and a finite sigma >= 0, got alpha {} and sigma {}", level.alpha,
                         level.sigma);
  }
}

}  // namespace

at::Tensor Prior::denoise(const at::Tensor& x_t, const NoiseLevel& level) const {
  check_input(*this, x_t, level);
  const c10::NoGradGuard no_grad;
  return level.sigma == 0 ? x_t / level.alpha : do_denoise(x_t, level);
}

void Prior::require_knows(const LinearMeasurement& y) const {
  throw usage_error("prior " + name_,
                    "it was not trained for a measurement, here {}; train it by `recon train --operator` "
                    "(recon/docs/priors.md), or use a solver that guides any prior: pigdm, dps, jfps",
                    y.operator_name);
}

at::Tensor Prior::denoise_given(const at::Tensor& x_t, const NoiseLevel& level, const LinearMeasurement& y) const {
  check_input(*this, x_t, level);
  if (!(level.sigma > 0)) throw internal_error("prior " + name_, "denoise_given needs sigma > 0, got 0");
  const c10::NoGradGuard no_grad;
  return do_denoise_given(x_t, level, y);
}

DenoisedWithVariance Prior::denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const {
  if (!learns_variance()) {
    throw usage_error("prior " + name_, "it has no learned variance; use variance fixed_small or fixed_large");
  }
  check_input(*this, x_t, level);
  if (!(level.sigma > 0)) throw internal_error("prior " + name_, "a learned variance needs sigma > 0, got 0");
  const c10::NoGradGuard no_grad;
  return do_denoise_with_variance(x_t, level);
}

DenoisedWithVariance Prior::do_denoise_with_variance(const at::Tensor&, const NoiseLevel&) const {
  throw internal_error("prior " + name_, "it says that it learns its variance and does not give it");
}

at::Tensor Prior::do_denoise_given(const at::Tensor&, const NoiseLevel&, const LinearMeasurement&) const {
  throw internal_error("prior " + name_, "it was asked for what it knows of a measurement, and knows none");
}

Linearized Prior::linearize(const at::Tensor& x_t, const NoiseLevel& level) const {
  check_input(*this, x_t, level);
  if (level.sigma == 0) {
    return {x_t.detach() / level.alpha, [alpha = level.alpha](const at::Tensor& v) { return v / alpha; }};
  }
  return do_linearize(x_t, level);
}

Linearized Prior::do_linearize(const at::Tensor& x_t, const NoiseLevel& level) const {
  const c10::AutoGradMode with_grad(true);
  const at::Tensor leaf = x_t.detach().requires_grad_(true);
  const at::Tensor x0 = do_denoise(leaf, level);
  return {x0.detach(), [leaf, x0](const at::Tensor& v) {
            if (!x0.requires_grad()) return at::zeros_like(leaf);  // a denoiser that ignores its input
            return torch::autograd::grad({x0}, {leaf}, {v}, /*retain_graph=*/true)[0].contiguous();
          }};
}

void Prior::require_start_from_noise() const {
  const double half_range = (domain_.high - domain_.low) / 2;
  if (max_relative_sigma() >= half_range) return;
  throw usage_error(
      "prior " + name_,
      "it knows noise up to {:.3g} only, which does not hide images of [{:g}, {:g}]; it cannot start from "
      "noise. Take plug_and_play or diffpir, or `start: data` where the solver has it",
      max_relative_sigma(), domain_.low, domain_.high);
}

at::Tensor Prior::predict(Prediction kind, const at::Tensor& x_t, const NoiseLevel& level, double sigma_data) const {
  if (kind != Prediction::x0 && !(level.sigma > 0)) {
    throw internal_error("prior " + name_, "the {} needs sigma > 0, got {}", to_string(kind), level.sigma);
  }
  return from_x0(kind, denoise(x_t, level), x_t, level, sigma_data);
}

}  // namespace recon
