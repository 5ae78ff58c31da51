#include "priors/network_prior.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "priors/networks/captured_network.h"
#include "recon/core/error.h"
#include "recon/core/log_once.h"

namespace recon {
namespace {

/// Linear between the points of a table in log-log, constant beyond its ends; 0 for an empty table.
double interpolate_log_log(const std::vector<std::pair<double, double>>& table, double at) {
  if (table.empty()) return 0;
  if (at <= table.front().first) return table.front().second;
  if (at >= table.back().first) return table.back().second;
  const auto above = std::upper_bound(table.begin(), table.end(), at,
                                      [](double value, const auto& point) { return value < point.first; });
  const auto below = above - 1;
  const double fraction = std::log(at / below->first) / std::log(above->first / below->first);
  return below->second * std::pow(above->second / below->second, fraction);
}

void check(const NetworkPriorDescription& description, const Network& network) {
  const std::string location = "prior " + description.name;
  const ImageDomain& domain = description.domain;
  const std::int64_t block = description.space_to_depth;
  const std::int64_t image = domain.channels * block * block;
  const std::int64_t seen = description.measurement ? 2 * image : image;
  const std::int64_t in = seen + (description.position_channels ? kPositionChannels : 0);
  const std::int64_t out = description.learned_variance ? 2 * image : image;
  if (network.in_channels() != in || network.out_channels() != out) {
    throw data_error(location,
                     "{} image channels and space_to_depth {}{} need a network of {} -> {} channels, got {} -> {}",
                     domain.channels, block, description.position_channels ? " and the position of each pixel" : "", in,
                     out, network.in_channels(), network.out_channels());
  }
  const std::int64_t multiple = network.size_multiple() * block;
  if (domain.multiple % multiple != 0) {
    throw data_error(location, "'multiple': expected a multiple of {} for this network, got {}", multiple,
                     domain.multiple);
  }
  if (description.measurement) require_measurable(description);
  for (const auto side : domain.fixed_size) {
    if (side % domain.multiple != 0) {
      throw data_error(location, "'size': expected multiples of {}, got {}", domain.multiple, side);
    }
  }
}

double network_time(const NetworkPriorDescription& description, double relative_sigma) {
  const NoiseSchedule& schedule = description.schedule;
  const double r = std::max(relative_sigma, schedule.min_relative_sigma());
  switch (description.time_input) {
    case TimeInput::timestep:
      return schedule.time_of(r);
    case TimeInput::reversed_timestep:
      return schedule.max_time() - schedule.time_of(r);
    case TimeInput::relative_sigma:
      return r;
    case TimeInput::edm_noise:
      return edm_coefficients(r, description.sigma_data).c_noise;
  }
  throw internal_error("network_input", "unnamed time input {}", static_cast<int>(description.time_input));
}

/// Of the network's pixels, [B, 2, H / block, W / block].
at::Tensor positions_of(const at::Tensor& images, const std::vector<ImagePlace>& places, std::int64_t block) {
  const std::int64_t batch = images.size(0), height = images.size(2), width = images.size(3);
  if (places.empty()) {
    return positions({{.height = height, .width = width}}, height, width, block, images.options())
        .expand({batch, -1, -1, -1});
  }
  if (std::ssize(places) != batch) {
    throw internal_error("network_output", "{} places for {} images", places.size(), batch);
  }
  return positions(places, height, width, block, images.options());
}

/// Of convolutions. Their results then lie so, too.
void put_channels_last(const Network& network) {
  for (const auto& parameter : network.parameters()) {
    if (parameter.value.dim() == 4)
      parameter.value.set_data(parameter.value.contiguous(at::MemoryFormat::ChannelsLast));
  }
}

}  // namespace

NetworkInput network_input(const NetworkPriorDescription& description, const NoiseLevel& level) {
  const NoiseSchedule& schedule = description.schedule;
  const double r = level.relative_sigma();
  const double alpha = schedule.at(schedule.time_of(r)).alpha;
  const bool edm = description.scaling() == InputScaling::edm;
  return {.own = {alpha, alpha * r},
          .scale = (edm ? edm_coefficients(r, description.sigma_data).c_in : alpha) / level.alpha,
          .time = network_time(description, r) * description.time_scale};
}

at::Tensor network_output(const NetworkPriorDescription& description, const Network& network, const at::Tensor& scaled,
                          const at::Tensor& times, const std::vector<ImagePlace>& places) {
  const std::int64_t block = description.space_to_depth, channels = description.domain.channels;
  // The prediction and the variance each have the channels of the image.
  const auto turned = [&](const at::Tensor& x) {
    return description.bgr ? x.unflatten(1, {x.size(1) / channels, channels}).flip(2).flatten(1, 2) : x;
  };
  at::Tensor x = turned(scaled);
  if (block > 1) x = at::pixel_unshuffle(x, block);
  if (description.position_channels) x = at::cat({x, positions_of(scaled, places, block)}, 1);
  const at::Tensor out = network.forward(x, times);
  return turned(block > 1 ? at::pixel_shuffle(out, block) : out);
}

void require_measurable(const NetworkPriorDescription& description) {
  const NoiseSchedule& schedule = description.schedule;
  const NoiseLevel middle = schedule.at((schedule.min_time() + schedule.max_time()) / 2);
  const bool preserves = std::abs(std::hypot(middle.alpha, middle.sigma) - 1) < 1e-6;
  const bool plain = description.scaling() == InputScaling::process && !description.learned_variance;
  if (description.prediction == Prediction::v && preserves && plain) return;
  throw data_error("prior " + description.name,
                   "a network that knows a measurement predicts v of a variance preserving process (vp_linear, "
                   "vp_cosine), got {} of {}",
                   to_string(description.prediction), schedule.name());
}

NetworkPrior::NetworkPrior(NetworkPriorDescription description, std::shared_ptr<const Network> network,
                           Precision precision)
    : Prior(description.name, description.domain, description.schedule),
      description_(std::move(description)),
      network_(std::move(network)),
      precision_(precision) {
  check(description_, *network_);
}

NetworkPrior::NetworkPrior(const NetworkPrior& whole, std::vector<ImagePlace> places)
    : Prior(whole.name(), whole.domain(), whole.schedule()),
      description_(whole.description_),
      network_(whole.network_),
      precision_(whole.precision_),
      places_(std::move(places)),
      copies_(whole.copies_) {}

std::shared_ptr<const Prior> NetworkPrior::of_parts(const std::vector<ImagePlace>& places) const {
  if (!description_.position_channels) return nullptr;
  return std::shared_ptr<const Prior>(new NetworkPrior(*this, places));
}

double NetworkPrior::denoising_mse(double relative_sigma) const {
  return interpolate_log_log(description_.denoising_mse, relative_sigma);
}

at::Tensor NetworkPrior::power_spectrum(std::int64_t height, std::int64_t width) const {
  return on_frequencies(description_.power_spectrum, height, width);
}

double NetworkPrior::max_relative_sigma() const {
  const double all = schedule().max_relative_sigma();
  return description_.max_relative_sigma > 0 ? std::min(description_.max_relative_sigma, all) : all;
}

std::int64_t NetworkPrior::most_at_once(std::int64_t height, std::int64_t width, bool with_pullback) const {
  const std::int64_t block = description_.space_to_depth;
  return network_->most_at_once(height / block, width / block, with_pullback);
}

std::shared_ptr<const Network> NetworkPrior::network_on(c10::Device device) const {
  if (network_->parameters().front().value.device() == device) return network_;
  const std::lock_guard lock(copies_->mutex);
  auto& network = copies_->by_device[device.str()];
  if (network == nullptr) {
    network = captured(network_->to(device));
    if (precision_ != Precision::float32 && network->takes_any_layout()) put_channels_last(*network);
  }
  return network;
}

at::Tensor NetworkPrior::run_network(const at::Tensor& scaled, double time) const {
  const at::Tensor input = scaled.to(at::kFloat);
  const at::Tensor times = at::full({scaled.size(0)}, time, input.options());
  const PrecisionScope scope(precision_, scaled.device());
  return network_output(description_, *network_on(scaled.device()), input, times, places_);
}

at::Tensor NetworkPrior::image_of(const at::Tensor& out, Half half, const at::Tensor& like) const {
  return out.narrow(1, half == Half::variance ? domain().channels : 0, domain().channels).to(like.scalar_type());
}

at::Tensor NetworkPrior::denoised(const at::Tensor& out, const at::Tensor& x_t, const NoiseLevel& level,
                                  const NetworkInput& input) const {
  const at::Tensor z = x_t * (input.own.alpha / level.alpha);
  return to_x0(description_.prediction, image_of(out, Half::prediction, x_t), z, input.own, description_.sigma_data);
}

at::Tensor NetworkPrior::do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const {
  if (description_.measurement) {
    log::warn_once(
        "prior " + name() +
        ": it was trained to denoise by a measurement, for the solver posterior_denoiser; as a prior of images "
        "alone it is a guess, take the one that it began with");
  }
  const NetworkInput input = network_input(description_, level);
  at::Tensor scaled = x_t * input.scale;
  if (description_.measurement) scaled = at::cat({scaled * input.own.alpha, at::full_like(scaled, input.own.sigma)}, 1);
  return denoised(run_network(scaled, input.time), x_t, level, input);
}

void NetworkPrior::require_knows(const LinearMeasurement& y) const {
  if (!description_.measurement) return Prior::require_knows(y);
  if (const std::string objection = description_.measurement->objection(y); !objection.empty()) {
    throw usage_error("prior " + name(),
                      "it was trained for {}; train one for this measurement by `recon train --operator` "
                      "(recon/docs/priors.md), or use pigdm, dps or jfps with a prior of images alone",
                      objection);
  }
}

at::Tensor NetworkPrior::do_denoise_given(const at::Tensor& x_t, const NoiseLevel& level,
                                          const LinearMeasurement& y) const {
  const CombinedObservation both(x_t, {level}, y);
  const at::Tensor out = run_network(both.input(), network_input(description_, level).time);
  return both.x0_of(image_of(out, Half::prediction, x_t));
}

Linearized NetworkPrior::do_linearize(const at::Tensor& x_t, const NoiseLevel& level) const {
  Linearized at = Prior::do_linearize(x_t, level);
  if (precision_ == Precision::tf32) {
    at.pullback = [pull = at.pullback](const at::Tensor& v) {
      const PrecisionScope scope(Precision::tf32, v.device());
      return pull(v);
    };
  } else if (precision_ == Precision::float16) {
    // Below 6e-8 a float16 is 0, and v may be as small as it likes: each image's largest entry goes through as 1.
    at.pullback = [pull = at.pullback](const at::Tensor& v) {
      const at::Tensor scale = v.abs().amax({1, 2, 3}, /*keepdim=*/true);
      const at::Tensor safe = at::where(scale > 0, scale, at::ones_like(scale));
      return pull(v / safe) * safe;
    };
  }
  return at;
}

DenoisedWithVariance NetworkPrior::do_denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const {
  const NetworkInput input = network_input(description_, level);
  const at::Tensor out = run_network(x_t * input.scale, input.time);
  return {.x0 = denoised(out, x_t, level, input), .variance_fraction = (image_of(out, Half::variance, x_t) + 1) / 2};
}

}  // namespace recon
