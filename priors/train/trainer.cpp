#include "priors/train/trainer.h"

#include <ATen/ATen.h>
#include <malloc.h>
#include <torch/csrc/autograd/autograd.h>

#include <chrono>
#include <limits>

#include "priors/networks/avx512.h"
#include "priors/networks/precision.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr int tolerated_failures = 20;  ///< steps in a row whose loss or gradient is not finite

/// A copy of the network on the device. Where avx512_conv2d() computes in bfloat16, weights lie as its gradients do,
/// which is also the order in which they are packed fastest.
std::shared_ptr<const UNet2D> trainable(const UNet2D& network, c10::Device device, Precision precision) {
  const bool by_tap = precision == Precision::bfloat16 && device.is_cpu() && has_avx512_bfloat16();
  std::vector<NamedTensor> copies;
  for (const auto& [name, value] : network.parameters()) {
    const at::Tensor copy = value.detach().clone();
    const bool moves = by_tap && copy.dim() == 4;
    copies.push_back({name, moves ? copy.permute({2, 3, 1, 0}).contiguous().permute({3, 2, 0, 1}) : copy});
  }
  CopiedParameters source(copies, device);
  return std::make_shared<UNet2D>(network.config(), source);
}

/// Frequencies of a Fourier time embedding stay as they were drawn (Song et al. 2021, appendix C).
std::vector<NamedTensor> require_gradients(const UNet2D& network) {
  std::vector<NamedTensor> trained;
  for (const auto& parameter : network.parameters()) {
    if (parameter.name == "time_proj.weight") continue;
    trained.push_back({parameter.name, parameter.value.requires_grad_(true)});
  }
  return trained;
}

/// Mean of weight |s (out - v)|², the squared error of x_0, over the mean square of s, by a probe: without s what is
/// left of the noise in well measured pixels, which nobody can predict, would bury what is to be learned of the others.
at::Tensor measured_loss(const CombinedObservation& both, const at::Tensor& error, const std::vector<double>& weights) {
  const at::Tensor probe = Rng(0, "mean square").normal({{0, 0}}, 0, spec_of_item(error), error.options());
  const at::Tensor scale = both.noise_share(probe.expand_as(error)).square().flatten(1).mean(1);
  const at::Tensor weighted = both.noise_share(both.noise_share(error.detach()));
  const at::Tensor squares = (error * weighted).flatten(1).mean(1) / scale * per_item(weights, scale);
  // s records no graph, and the gradient of |s e|² is 2 s² e: twice that of e (s² e) with the latter held.
  return (2 * squares - squares.detach()).mean();
}

}  // namespace

Trainer::Trainer(TrainingTask task, const TrainingOptions& options, c10::Device device)
    : task_(std::move(task)),
      options_(options),
      device_(device),
      network_(trainable(*task_.network, device, options.precision)),
      trained_(require_gradients(*network_)),
      batches_(task_.images, options, task_.description.domain.multiple),
      levels_(task_.description.schedule, options),
      loss_{.prediction = task_.description.prediction,
            .weighting = options.weighting.value_or(usual_weighting(task_.description.prediction)),
            .gamma = options.gamma,
            .sigma_data = task_.description.sigma_data},
      noise_(static_cast<std::uint64_t>(options.seed), "training noise"),
      measuring_(static_cast<std::uint64_t>(options.seed), "training measurement"),
      optimizer_(trained_, options) {
  if (task_.description.learned_variance) {
    throw usage_error("prior " + task_.description.name, "training of learned variances is not supported");
  }
  if (task_.measure) require_measurable(task_.description);
  if (options.precision == Precision::float16) {
    throw usage_error("precision", "small gradients are 0 in float16; training takes float32, tf32 or bfloat16");
  }
  require_precision(options.precision, device);
  // Each step asks for what the last one freed: the kernel is not to take it back in between.
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

at::Tensor Trainer::loss(std::int64_t step) {
  const NetworkPriorDescription& description = task_.description;
  const TrainingBatch batch = batches_.batch(step);
  const at::Tensor x0 = batch.images.to(device_);
  const std::int64_t count = x0.size(0);
  std::vector<NoiseLevel> levels;
  std::vector<double> alphas, sigmas, scales, times, weights;
  for (const double t : levels_.draw(step)) {
    const NoiseLevel level = description.schedule.at(t);
    const NetworkInput input = network_input(description, level);
    levels.push_back(level);
    alphas.push_back(level.alpha);
    sigmas.push_back(level.sigma);
    scales.push_back(input.scale);
    times.push_back(input.time);
    weights.push_back(loss_weight(loss_, level));
  }
  std::vector<StreamKey> keys;
  for (std::int64_t slot = 0; slot < count; ++slot)
    keys.push_back({static_cast<std::uint64_t>(step * count + slot), 0});
  const at::Tensor noise = noise_.normal(keys, 0, spec_of_item(x0), x0.options());
  const at::Tensor x_t = x0 * per_item(alphas, x0) + noise * per_item(sigmas, x0);
  const std::optional<LinearMeasurement> y =
      task_.measure ? std::optional(task_.measure(x0, measuring_, keys)) : std::nullopt;
  const auto both = y ? std::optional(CombinedObservation(x_t, levels, *y)) : std::nullopt;
  const at::Tensor input = both ? both->input() : x_t * per_item(scales, x_t);
  const at::Tensor target =
      both ? both->v_of(x0) : from_x0(description.prediction, x0, x_t, levels, description.sigma_data);
  const at::Tensor network_times = at::tensor(times, at::kFloat).to(device_);
  at::Tensor out;
  {
    const PrecisionScope precision(options_.precision, device_);
    out = network_output(description, *network_, input, network_times, batch.places);
  }
  if (both) return measured_loss(*both, out.to(at::kFloat) - target, weights);
  return weighted_loss(out.to(at::kFloat), target, weights);
}

bool Trainer::update() {
  const at::Tensor value = loss(history_.step);
  const double number = value.item<double>();
  bool updated = false;
  if (std::isfinite(number)) {
    std::vector<at::Tensor> weights;
    for (const auto& parameter : trained_) weights.push_back(parameter.value);
    const PrecisionScope way_back(options_.precision == Precision::tf32 ? Precision::tf32 : Precision::float32,
                                  device_);
    const std::vector<at::Tensor> gradients = torch::autograd::grad({value}, weights);
    const double rate = Optimizer::learning_rate(options_, history_.step, share_done());
    updated = std::isfinite(optimizer_.update(gradients, history_.step, rate));
  }
  history_.loss.push_back(number);
  ++history_.step;
  if (!updated) ++history_.skipped;
  return updated;
}

double Trainer::share_done() const {
  const double steps = static_cast<double>(history_.step) / static_cast<double>(options_.steps);
  const double time = options_.minutes > 0 ? history_.seconds / (60 * options_.minutes) : 0;
  return std::min(std::max(steps, time), 1.0);
}

std::int64_t Trainer::expected_steps() const {
  if (options_.minutes <= 0) return options_.steps;
  const double pace =
      static_cast<double>(history_.step - steps_before_) / std::max(history_.seconds - seconds_before_, 1e-9);
  const double left = std::max(60 * options_.minutes - history_.seconds, 0.0) * pace;
  return std::min<std::int64_t>(options_.steps, history_.step + std::llround(left));
}

std::vector<NamedTensor> Trainer::saved_tensors() const {
  std::vector<NamedTensor> tensors = optimizer_.state();
  for (const auto& [name, value] : trained_) tensors.push_back({"weight/" + name, value.detach()});
  return tensors;
}

std::shared_ptr<const UNet2D> Trainer::averaged_network() const {
  std::vector<NamedTensor> parameters = optimizer_.average();
  for (const auto& parameter : network_->parameters()) {
    if (!parameter.value.requires_grad()) parameters.push_back(parameter);
  }
  CopiedParameters source(parameters, device_);
  return std::make_shared<UNet2D>(network_->config(), source);
}

void Trainer::validate_and_export(const TrainingControls& controls) {
  const auto network = averaged_network();
  NetworkPriorDescription description = task_.description;
  if (task_.validation.count > 0) {
    const NetworkPrior measured(description, network);
    history_.validations.push_back(
        {history_.step,
         denoising_table(measured, task_.validation, options_.validation_images,
                         validation_levels(description.schedule, options_.validation_levels), device_, task_.measure)});
    description.denoising_mse = history_.validations.back().table;
    description.power_spectrum = power_spectrum_of(task_.validation, options_.validation_images);
  }
  const NetworkPrior prior(description, network);
  const bool best = history_.validations.empty() || best_validation(history_) == &history_.validations.back();
  if (best && controls.on_export) controls.on_export(prior, *network);
  if (controls.on_validation) controls.on_validation(prior, history_);
}

TrainingOutcome Trainer::run(const TrainingControls& controls) {
  using Clock = std::chrono::steady_clock;
  if (std::filesystem::exists(controls.state)) {
    history_ = load_training_state(controls.state, saved_tensors(), controls.fingerprint);
  }
  steps_before_ = history_.step;
  seconds_before_ = history_.seconds;
  if (controls.on_begin) controls.on_begin(history_.step);
  Clock::time_point before = Clock::now();
  const auto count_time = [&] {
    const Clock::time_point now = Clock::now();
    history_.seconds += std::chrono::duration<double>(now - before).count();
    before = now;
  };
  int failures = 0;
  bool last = share_done() >= 1;
  while (!last) {
    failures = update() ? 0 : failures + 1;
    if (failures >= tolerated_failures) return TrainingOutcome::diverged;
    count_time();
    last = share_done() >= 1;
    const bool validate = last || history_.step % options_.validate_every == 0;
    if (validate) validate_and_export(controls);
    if (controls.on_step) {
      controls.on_step({.step = history_.step, .steps = expected_steps(), .loss = history_.loss.back()});
    }
    const bool cancelled = controls.cancellation != nullptr && controls.cancellation->cancelled();
    if (validate || cancelled || history_.step % options_.checkpoint_every == 0) {
      count_time();
      save_training_state(controls.state, saved_tensors(), history_, controls.fingerprint);
    }
    if (cancelled && !last) return TrainingOutcome::interrupted;
  }
  return TrainingOutcome::finished;
}

}  // namespace recon
