#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "priors/gaussian_mixture_prior.h"
#include "priors/samplers/sampler.h"

// Whether what a sampler draws has the law of the prior it draws from. The same judges are set on mutants.
namespace recon::test {

/// .3 N(-.6, .15²) + .7 N(.5, .2²) on one pixel.
const GaussianMixturePrior& one_pixel_mixture();
/// .4 : .6 of two Gaussians on 8x8 pixels with different means and full covariances.
const GaussianMixturePrior& image_mixture();
const std::vector<MixtureComponent>& image_components();

/// One defect, to be put into a walk or into the steps of a sampler.
struct Mutant {
  std::string name;
  std::function<void(Walk&)> change = [](Walk&) {};
};

/// `count` draws in one batch, float64. The noise is one long counter-based draw per (stream, step), fast for many tiny
/// images. `passes` counts the denoiser's calls.
at::Tensor drawn(const Sampler& sampler, const Prior& prior, std::int64_t count, std::int64_t* passes = nullptr,
                 const Mutant& mutant = {});

/// What a judge measured, each in units of its limit: a sampler passes when all are at most 1.
struct Judgement {
  struct Figure {
    std::string name;
    double value, limit;
  };
  std::vector<Figure> figures;

  bool passes() const;
  std::string text() const;
};

/// One pixel: mean and standard deviation (z tests), weight of the upper mode (z test), distribution (Kolmogorov-
/// Smirnov), each at two-sided significance 1e-4 of one sampler, with `bias` standard deviations (for the weight and
/// the distribution: of probability) left to discretisation.
Judgement judge_one_pixel(const at::Tensor& x, double bias);

/// 8x8 pixels: chi² of the mean and mean square (whitened by the exact covariance), weight of the first mode, and
/// Kolmogorov-Smirnov along 8 fixed random directions (Bonferroni), as above.
Judgement judge_images(const at::Tensor& x, double bias);

}  // namespace recon::test
