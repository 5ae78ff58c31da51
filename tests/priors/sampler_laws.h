#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "priors/gaussian_mixture_prior.h"
#include "priors/samplers/sampler.h"

// Whether what a sampler draws has the law of the prior it draws from. The same judges are set on mutants.
namespace recon::test {

/// .3 N(-.6, .15²) + .7 N(.5, .2²) on one pixel.
const GaussianMixturePrior& one_pixel_mixture();
/// .4 : .6 of two Gaussians on 8x8 pixels with different means and different full covariances, pixel std about .2.
const GaussianMixturePrior& image_mixture();

/// The sampler of that name with its options as JSON.
std::unique_ptr<Sampler> make_sampler(const std::string& name, const std::string& options = "{}");

/// How a registered sampler is set up for the statistical tests. One that is not named there gets 400 steps.
struct SamplerSetup {
  std::string options;
  double bias = 0.01;  ///< see the judges
};
SamplerSetup setup_of(const std::string& name);

/// One defect, to be put into a sampler's reverse process.
using Defect = std::function<void(ReverseProcess&)>;

/// The reverse process of `prior` for `sampler` and `count` images in one batch, float64. The noise is one long
/// counter-based draw per (stream, step), which is quick for many tiny images.
ReverseProcess reverse_process_of(const Sampler& sampler, const Prior& prior, std::int64_t count);
/// What the sampler draws on that process, with the defect put in after the start was drawn.
at::Tensor drawn(const Sampler& sampler, const Prior& prior, std::int64_t count, const Defect& defect = {});

/// What a judge measured, with the limit of each figure. Not finite fails.
struct Judgement {
  struct Figure {
    std::string name;
    double value = 0, limit = 0;
    double power = 1;  ///< probability of noticing a defect of 5 % of this figure's scale
  };
  std::vector<Figure> figures;

  bool passes() const;
  std::string text() const;
};

/// Defects of 5 % in a mean (of a standard deviation), a standard deviation or a weight are noticed with a probability
/// above .99 (asserted in sampler_laws_test.cpp). Each figure is a test at two-sided significance 1e-4 with `bias` left
/// to discretisation (in standard deviations; for weights and distribution functions in probability):
///   mean, std          z tests on all draws
///   weight             z test on the share of draws above 0, the upper mode
///   std below, above 0 z tests on the spread inside each mode
///   distribution       Kolmogorov-Smirnov
constexpr std::int64_t one_pixel_draws = 60000;
Judgement judge_one_pixel(const at::Tensor& x, double bias);

/// 8x8 pixels: the mean (chi²) and the root mean square of all 64 coordinates after whitening by the exact total
/// covariance; the share beyond the middle of the line between the means; Kolmogorov-Smirnov along that line and 7
/// fixed random directions (Bonferroni). Significance and bias as above.
constexpr std::int64_t image_draws = 1500;
Judgement judge_images(const at::Tensor& x, double bias);

}  // namespace recon::test
