#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "priors/samplers/sampler.h"
#include "recon/solvers/context.h"
#include "recon/solvers/posterior/start.h"

namespace recon {

/// The sampling loop with a guided denoiser, and its options: shared by the solvers that differ only in how the data
/// change the denoised image.
///
/// The steps are a sampler's (priors/samplers) with the guided denoiser D_y ~ E[x_0 | x_t, y] as its denoiser: ddim
/// with `eta`, dpmpp_2m with `eta` for order 2, or any other by `sampler` with that sampler's own options at their
/// defaults. The last step ends on D_y, without noise.
///
/// Report::anomaly is what the guidance cost (Girsanov; recon/docs/derivations.md): over all steps r_t -> r_s > 0,
///
///     1/2 sum (1/r_s² - 1/r_t²) (D_y - D)²,   D_y and D at the step's beginning,
///
/// per pixel, in nats. Its sum over the pixels is on average KL(guided path || prior's path) of ancestral steps, that
/// is how much less likely the prior thinks the image than an image of its own. For other steps it is the same of the
/// reverse SDE, by the left rectangle rule.
struct GuidedSampler {
  enum class Order { first, second };
  friend constexpr auto words_of(Order) {
    using enum Order;
    return std::to_array<Word<Order>>({{first, "1"}, {second, "2"}});
  }

  std::int64_t steps = 100;
  double eta = 1;
  std::optional<Spacing> spacing = Spacing::uniform_log_snr;  ///< none (auto): what suits the solver
  std::optional<Order> order = Order::first;                  ///< none (auto): what suits the solver; then the first
  std::string sampler = "auto";
  Start start = {};

  /// `least_steps` 0: steps may be left to the solver, which `steps_doc` says.
  void visit(ParameterVisitor& options, const char* steps_doc = "network steps", double least_steps = 1);

  /// Where the steps begin, and the clean image.
  std::vector<NoiseLevel> levels(SolverContext& context) const;
  /// What a solver knows of a step that was taken.
  struct Judged {
    at::Tensor residual_squares;  ///< `[batch]` ||y - A D||², for the progress line
    at::Tensor guidance = {};     ///< D_y - D at step.level; undefined: there is no such thing
  };
  /// The image at the end of the `levels`, which are levels(context). `stream` names the randomness. `after_step` may
  /// replace step.x.
  at::Tensor sample(SolverContext& context, const std::vector<NoiseLevel>& levels, const std::string& stream,
                    const Denoiser& denoise, const std::function<Judged(SamplerStep& step)>& after_step) const;

 private:
  std::unique_ptr<Sampler> make_sampler() const;
};

/// What a guided denoiser added at a step's beginning: samplers may ask it again, at other levels.
class StepGuidance {
 public:
  /// D_y = `x0` + `guidance`; the first one of a step is remembered.
  at::Tensor added(const at::Tensor& x0, const at::Tensor& guidance) {
    if (!first_.defined()) first_ = guidance;
    return x0 + guidance;
  }
  /// Of the step that was taken, which ends with it; undefined where nothing was added.
  at::Tensor take() { return std::exchange(first_, {}); }

 private:
  at::Tensor first_;
};

}  // namespace recon
