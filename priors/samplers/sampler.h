#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "priors/prior.h"
#include "priors/transition.h"
#include "recon/core/parameters.h"
#include "recon/core/registry.h"

namespace recon {

/// E[x_0 | x_t] at a level: a prior's, or one that a measurement guides.
using Denoiser = std::function<at::Tensor(const at::Tensor& x_t, const NoiseLevel& level)>;
using VarianceDenoiser = std::function<DenoisedWithVariance(const at::Tensor& x_t, const NoiseLevel& level)>;
/// Standard normal images of the batch, the same for the same (stream, step): the only randomness of a sampling loop.
using NoiseSource = std::function<at::Tensor(std::string_view stream, std::int64_t step)>;

/// Stream of the start (step 0) and of the noise of step i (i + 1); methods with more noise name streams of their own.
/// The text seeds the random numbers: another one gives other images.
inline constexpr std::string_view kSamplingStream = "walk";

/// The reverse diffusion that a sampler discretises: levels of a noise process, denoiser and source of noise.
struct ReverseProcess {
  NoiseSchedule process;           ///< whose time and f, g the SDE's steps are taken in
  std::vector<NoiseLevel> levels;  ///< of decreasing relative sigma; only the last may be clean (sigma = 0)
  Denoiser denoise;
  VarianceDenoiser denoise_with_variance;  ///< empty unless the prior learns its variance
  NoiseSource noise;

  std::int64_t steps() const { return static_cast<std::int64_t>(levels.size()) - 1; }
};

/// A step as its observer sees it.
struct SamplerStep {
  std::int64_t done = 0, total = 0;
  NoiseLevel level;       ///< that the step left
  const at::Tensor& x_t;  ///< the images there
  const at::Tensor& x0;   ///< what they were denoised to
  NoiseLevel next;        ///< that the step went to
  at::Tensor x;           ///< the images there; may be replaced
};
using SamplerObserver = std::function<bool(SamplerStep& step)>;  ///< false: stop

/// A way from noise to images: a discretisation of the reverse diffusion. Its options are public members, described by
/// visit(). The base owns the loop, an algorithm writes one step.
///
/// The same engine draws from a prior (draw.h) and drives posterior solvers, whose denoiser is a guided one. An entry
/// of the batch depends on its own start and noise only.
class Sampler {
 public:
  std::int64_t steps = 50;
  std::string process = "prior";
  Spacing spacing = Spacing::uniform_log_snr;
  std::int64_t steps_offset = 0;
  std::optional<double> start_relative_sigma;

  virtual ~Sampler() = default;
  void visit(ParameterVisitor& options);

  /// Network passes of a loop of `steps` steps that ends on the clean level: exact.
  virtual std::int64_t nfe() const = 0;
  virtual const char* nfe_formula() const = 0;  ///< the same in words of the options: "2 steps - 1"
  virtual bool needs_learned_variance() const { return false; }

  /// The process that the options name; `prior` stands for that of the prior.
  NoiseSchedule process_of(const Prior& prior) const;
  /// `steps` levels of the process from its noisiest that the prior is to be trusted at (start_relative_sigma, if that
  /// is cleaner) to its cleanest, and then the clean one.
  std::vector<NoiseLevel> levels(const Prior& prior) const;

  /// From images at levels.front() to images at levels.back(), or to where the observer stops it. No graph is recorded.
  /// Throws Error(internal) unless the levels are two or more and decrease.
  at::Tensor sample(const ReverseProcess& reverse, at::Tensor x, const SamplerObserver& observer = {}) const;

 protected:
  struct Stepped {
    at::Tensor x;   ///< at the next level
    at::Tensor x0;  ///< the denoised image that the step went by
  };
  /// x after the transition of step i, with noise of kSamplingStream where it has any.
  static at::Tensor after_transition(const Transition& transition, const ReverseProcess& reverse, std::size_t i,
                                     const at::Tensor& x, const at::Tensor& x0);

 private:
  virtual void visit_own(ParameterVisitor& options) = 0;
  /// From level i to i + 1. `before` is the x0 of the last step, undefined in the first.
  virtual Stepped step(const ReverseProcess& reverse, std::size_t i, const at::Tensor& x,
                       const at::Tensor& before) const = 0;
};

struct SamplerKind {
  std::string name;
  std::string summary;
  std::function<std::unique_ptr<Sampler>()> make;
};

/// All samplers, sorted by name.
const Registry<SamplerKind>& sampler_kinds();
/// The same, to add samplers of one's own to (Registry::add); before they are first used.
Registry<SamplerKind>& mutable_sampler_kinds();

}  // namespace recon
