#include "recon/solvers/posterior/exact_posterior.h"

#include <ATen/ATen.h>

#include <map>
#include <vector>

#include "operators/conjugate_gradient.h"
#include "operators/unsuitable_operator.h"
#include "priors/gaussian_prior.h"
#include "recon/core/per_entry.h"
#include "recon/core/rng.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/data_conditional.h"
#include "recon/solvers/posterior/data_step.h"

namespace recon {
namespace {

constexpr const char* exact_stream = "exact_posterior";
constexpr std::int64_t images_at_once = 64;
constexpr IterativeSolve exact_solve{.tolerance = 1e-6, .max_iterations = 1000};

at::Tensor in_double(const at::Tensor& data) { return data.to(data.is_complex() ? at::kComplexDouble : at::kDouble); }

/// Twice the negative log likelihood of each image [n, C, H, W], up to a constant; `shift`: where x is most likely,
/// less the image.
struct Explained {
  at::Tensor energy, shift;
};
Explained explained(const at::Tensor& images, const Operator& op, const at::Tensor& y, double noise, double width) {
  const at::Tensor r = y - op.apply(images);
  const auto* const linear = dynamic_cast<const LinearOperator*>(&op);
  if (linear == nullptr) return {squared_norms(r) / noise, at::zeros_like(images)};
  const double variance = width * width;
  const at::Tensor e =
      linear->solve_shifted(linear->adjoint(r), at::full({1}, noise / variance, at::kDouble), exact_solve);
  return {squared_norms(r - linear->apply(e)) / noise + squared_norms(e) / variance, e};
}

/// Samples of one item have one measurement and one noise: the posterior is computed once for all.
at::Tensor draw_from_images(SolverContext& context, const EmpiricalPrior& prior) {
  const Problem& problem = context.problem();
  const std::vector<double> noise = host_values(noise_variances(context));
  const at::Tensor position = Rng(context.seed(), exact_stream).uniform(problem.keys, 0, {{1}, ScalarKind::real});
  std::map<std::uint64_t, at::Tensor> cumulated;
  std::vector<std::int64_t> chosen;
  for (std::size_t i = 0; i < problem.keys.size(); ++i) {
    const auto entry = static_cast<std::int64_t>(i);
    at::Tensor& levels = cumulated[problem.keys[i].item];
    if (!levels.defined()) {
      levels = context.operate([&] {
        return empirical_posterior(prior, context.op(), problem.y.narrow(0, entry, 1), noise[i]).weights.cumsum(0);
      });
    }
    const auto below = (levels <= position[entry]).sum().item<std::int64_t>();
    chosen.push_back(std::min(below, levels.size(0) - 1));  // rounding may leave the last level below 1
  }
  const at::Tensor images = prior.images().index_select(0, at::tensor(chosen)).to(context.image_options());
  if (!context.op().is_linear()) return images;
  return DataConditional(context, exact_stream, 0).draw(images, prior.width() * prior.width(), 0);
}

at::Tensor draw_from_gaussian(SolverContext& context, const GaussianPrior& prior) {
  const Problem& problem = context.problem();
  const LinearOperatorPtr op = as_linear(problem.op, "solver exact_posterior");
  const at::Tensor noise = noise_variances(context), y = in_double(problem.y);
  const auto smoothed = [&](const at::Tensor& u) {
    return prior.covariance().filter(op->adjoint(u), [](const at::Tensor& l) { return l; });
  };
  const auto covariance = [&](const at::Tensor& u) { return op->apply(smoothed(u)) + per_item(noise, u) * u; };
  return context.operate([&] {
    const at::Tensor x = prior.sample(Rng(context.seed(), exact_stream), problem.keys, y.options().dtype(at::kDouble));
    at::Tensor n =
        Rng(context.seed(), std::string(exact_stream) + " data").normal(problem.keys, 0, op->range(), y.options());
    if (const at::Tensor support = op->support(); support.defined()) n = n * support.to(n.options().dtype(at::kDouble));
    const at::Tensor misfit = y + per_item(noise.sqrt(), n) * n - op->apply(x);
    return (x + smoothed(conjugate_gradient(covariance, misfit, {}, exact_solve).x)).to(context.image_options());
  });
}

}  // namespace

EmpiricalPosterior empirical_posterior(const EmpiricalPrior& prior, const Operator& op, const at::Tensor& y,
                                       double noise_variance) {
  const at::Tensor data = in_double(y), images = prior.images().to(y.device());
  std::vector<at::Tensor> energies;
  for (const at::Tensor& some : images.split(images_at_once)) {
    energies.push_back(explained(some, op, data, noise_variance, prior.width()).energy);
  }
  const at::Tensor weights = at::softmax(-0.5 * at::cat(energies), 0);
  const at::Tensor mean = at::matmul(weights.to(y.device()), images.flatten(1)).view_as(images[0]).unsqueeze(0);
  return {weights.cpu(), mean + explained(mean, op, data, noise_variance, prior.width()).shift};
}

at::Tensor ExactPosterior::run(SolverContext& context) const {
  const Prior& prior = context.prior();
  at::Tensor x;
  if (const auto* const images = dynamic_cast<const EmpiricalPrior*>(&prior)) {
    x = draw_from_images(context, *images);
  } else if (const auto* const gaussian = dynamic_cast<const GaussianPrior*>(&prior)) {
    x = draw_from_gaussian(context, *gaussian);
  } else {
    throw usage_error("solver exact_posterior",
                      "prior {} has no posterior in closed form; a prior made of images has (recon/docs/priors.md)",
                      prior.name());
  }
  const at::Tensor estimate = x;
  context.end_step({.done = 1, .total = 1, .relative_sigma = 0, .residual_squares = {}}, x, estimate);
  return estimate;
}

}  // namespace recon
