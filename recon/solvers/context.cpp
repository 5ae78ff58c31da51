#include "recon/solvers/context.h"

#include <ATen/ATen.h>

#include <map>

#include "recon/core/error.h"
#include "recon/core/per_entry.h"

namespace recon {
namespace {

/// `x` with the entries without a flag replaced by those of `fallback` (zero where it is undefined).
at::Tensor with_fallback(const at::Tensor& x, const at::Tensor& flags, const at::Tensor& fallback) {
  // Where a look is free, nothing is copied as long as all is well.
  if (flags.is_cpu() && flags.all().item<bool>()) return x;
  return at::where(along_batch(flags, x), x, fallback.defined() ? fallback : at::zeros_like(x));
}

void require_fit(const Prior& prior, const TensorSpec& image) {
  const ImageDomain& domain = prior.domain();
  const std::string location = "prior " + prior.name();
  if (image.scalar != ScalarKind::real) throw usage_error(location, "expected real images, got {}", image.to_string());
  if (image.shape[0] != domain.channels) {
    throw usage_error(location, "expected images of {} channel(s), got {}", domain.channels, image.to_string());
  }
  const bool is_volume = image.shape.size() == 4;
  if (is_volume != (domain.slice_multiple > 0)) {
    throw usage_error(location, "expected {}, got {}", is_volume ? "images" : "volumes [C, D, H, W]",
                      image.to_string());
  }
  if (is_volume && image.shape[1] % domain.slice_multiple != 0) {
    throw usage_error(location, "expected a number of slices that is a multiple of {}, got {}; pad the volume",
                      domain.slice_multiple, image.shape[1]);
  }
  const Shape size(image.shape.end() - 2, image.shape.end());
  if (!domain.fixed_size.empty() && size != domain.fixed_size) {
    throw usage_error(location, "knows images of size {} only, got {}", to_string(domain.fixed_size), to_string(size));
  }
  if (size[0] % domain.multiple != 0 || size[1] % domain.multiple != 0) {
    throw usage_error(location, "expected a height and width that are multiples of {}, got {}; pad the image",
                      domain.multiple, to_string(size));
  }
}

}  // namespace

SolverContext::SolverContext(const Problem& problem, const Prior* prior, const Controls& controls, Report& report)
    : problem_(problem),
      prior_(prior),
      controls_(controls),
      report_(report),
      forward_(problem.y.device()),
      backward_(problem.y.device()),
      operator_(problem.y.device()) {
  const auto entries = static_cast<std::size_t>(batch());
  report_.outcomes.assign(entries, Outcome::finished);
  report_.nfe_forward.assign(entries, 0);
  report_.nfe_backward.assign(entries, 0);
}

const Prior& SolverContext::prior() const {
  if (prior_ == nullptr) throw usage_error("solver", "this solver needs a prior; name one, or use a classical solver");
  require_fit(*prior_, problem_.image);
  return *prior_;
}

at::TensorOptions SolverContext::image_options() const {
  const auto dtype = problem_.image.scalar == ScalarKind::complex ? complex_dtype(y()) : real_dtype(y());
  return y().options().dtype(dtype);
}

at::Tensor SolverContext::normal(std::string_view stream, std::int64_t step) const {
  return Rng(seed(), stream).normal(problem_.keys, static_cast<std::uint32_t>(step), problem_.image, image_options());
}

at::Tensor SolverContext::denoise(const at::Tensor& x_t, const NoiseLevel& level) {
  count_forward();
  const DeviceTime::Piece watch(forward_);
  return prior().denoise(x_t, level);
}

at::Tensor SolverContext::denoise_each(const at::Tensor& x, const std::vector<double>& s) {
  std::map<double, std::vector<std::int64_t>> groups;
  for (std::size_t i = 0; i < s.size(); ++i) groups[s[i]].push_back(static_cast<std::int64_t>(i));
  if (groups.size() == 1) return denoise(x, {.alpha = 1, .sigma = s.front()});
  count_forward();
  const DeviceTime::Piece watch(forward_);
  at::Tensor denoised = at::empty_like(x);
  for (const auto& [sigma, entries] : groups) {
    const at::Tensor index = at::tensor(entries, at::kLong).to(x.device());
    denoised.index_copy_(0, index, prior().denoise(x.index_select(0, index), {.alpha = 1, .sigma = sigma}));
  }
  return denoised;
}

at::Tensor SolverContext::denoise_given(const at::Tensor& x_t, const NoiseLevel& level, const LinearMeasurement& y) {
  count_forward();
  const DeviceTime::Piece watch(forward_);
  return prior().denoise_given(x_t, level, y);
}

Linearized SolverContext::linearize(const at::Tensor& x_t, const NoiseLevel& level) {
  count_forward();
  const DeviceTime::Piece watch(forward_);
  Linearized result = prior().linearize(x_t, level);
  result.pullback = [this, inner = std::move(result.pullback)](const at::Tensor& v) {
    for (std::int64_t& passes : report_.nfe_backward) ++passes;
    const DeviceTime::Piece backward(backward_);
    return inner(v);
  };
  return result;
}

at::Tensor SolverContext::residual(const at::Tensor& x) {
  return operate([&] { return y() - op().apply(x); });
}

at::Tensor SolverContext::vjp(const at::Tensor& x, const at::Tensor& v) {
  return operate([&] { return op().vjp(x, v); });
}

at::Tensor SolverContext::operate(const std::function<at::Tensor()>& work) {
  const DeviceTime::Piece watch(operator_);
  return work();
}

std::vector<double> SolverContext::chi2(const at::Tensor& residual_squares) const {
  return chi2_of(host_values(residual_squares));
}

std::vector<double> SolverContext::chi2_of(std::vector<double> squares) const {
  const auto components = static_cast<double>(op().measured_components());
  for (std::size_t i = 0; i < squares.size(); ++i) {
    const double noise_std = problem_.noise_std[i];
    squares[i] =
        noise_std > 0 ? squares[i] / (components * noise_std * noise_std) : std::numeric_limits<double>::quiet_NaN();
  }
  return squares;
}

void SolverContext::count_forward() {
  for (std::int64_t& passes : report_.nfe_forward) ++passes;
}

void SolverContext::contain(at::Tensor& iterate, const at::Tensor& estimate) {
  // A sum is finite only if every term is; overflow of a sum of squares would be divergence all the same.
  const at::Tensor finite = at::isfinite(squared_norms(iterate));
  sound_ = sound_.defined() ? sound_.logical_and(finite) : finite;
  iterate = with_fallback(iterate, finite, {});
  last_finite_ = with_fallback(estimate, sound_, last_finite_);
}

std::vector<double> SolverContext::look(const at::Tensor& squares) {
  const bool wanted = squares.defined();
  std::vector<double> sound = host_values(wanted ? at::cat({sound_, squares}) : sound_);
  std::vector<double> values(sound.begin() + batch(), sound.end());
  for (std::size_t i = 0; i < report_.outcomes.size(); ++i) {
    if (sound[i] == 0) report_.outcomes[i] = Outcome::diverged;
  }
  return wanted ? chi2_of(std::move(values)) : std::vector<double>();
}

bool SolverContext::end_step(const Step& step, at::Tensor& iterate, const at::Tensor& estimate) {
  contain(iterate, estimate);
  const bool traced = controls_.trace_every > 0 && (step.done % controls_.trace_every == 0 || step.done == step.total);
  at::Tensor squares;  ///< what somebody wants to see
  if (traced) {
    squares = squared_norms(residual(last_finite_));
  } else if (controls_.observer) {
    squares = step.residual_squares;
  }
  std::vector<double> values;
  if (traced || controls_.observer || sound_.is_cpu()) values = look(squares);
  if (traced) report_.trace.push_back({step.done, step.relative_sigma, values});
  ProgressEvent event{.step = step.done, .steps = step.total, .chi2 = {}, .relative_sigma = {}};
  if (step.relative_sigma > 0) event.relative_sigma = step.relative_sigma;
  if (!values.empty() && std::isfinite(values.front())) event.chi2 = values.front();
  if (controls_.observer) controls_.observer(event);
  const auto is_diverged = [](Outcome outcome) { return outcome == Outcome::diverged; };
  if (std::all_of(report_.outcomes.begin(), report_.outcomes.end(), is_diverged)) return false;
  if (step.done >= step.total || controls_.cancellation == nullptr || !controls_.cancellation->cancelled()) return true;
  for (Outcome& outcome : report_.outcomes) {
    if (outcome == Outcome::finished) outcome = Outcome::stopped_early;
  }
  return false;
}

void SolverContext::mark_converged(std::int64_t entry) {
  Outcome& outcome = report_.outcomes[static_cast<std::size_t>(entry)];
  if (outcome == Outcome::finished) outcome = Outcome::converged;
}

void SolverContext::finish(const at::Tensor& result) {
  require(result, problem_.image, "Solver::run");
  if (result.size(0) != batch())
    throw internal_error("Solver::run", "expected {} images, got {}", batch(), result.size(0));
  at::Tensor x = result;
  contain(x, result);
  report_.x = resolved(last_finite_);
  report_.chi2 = look(squared_norms(residual(report_.x)));
  report_.seconds_network_forward = forward_.seconds();
  report_.seconds_network_backward = backward_.seconds();
  report_.seconds_operator = operator_.seconds();
}

}  // namespace recon
