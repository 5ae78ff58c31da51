#include "priors/network_prior.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "recon/core/error.h"

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
  const std::string place = "prior " + description.name;
  const ImageDomain& domain = description.domain;
  const std::int64_t block = description.space_to_depth;
  const std::int64_t in = domain.channels * block * block, out = description.learned_variance ? 2 * in : in;
  if (network.in_channels() != in || network.out_channels() != out) {
    throw data_error(place, "{} image channels and space_to_depth {} need a network of {} -> {} channels, got {} -> {}",
                     domain.channels, block, in, out, network.in_channels(), network.out_channels());
  }
  const std::int64_t multiple = network.size_multiple() * block;
  if (domain.multiple % multiple != 0) {
    throw data_error(place, "'multiple': expected a multiple of {} for this network, got {}", multiple,
                     domain.multiple);
  }
  for (const auto side : domain.fixed_size) {
    if (side % domain.multiple != 0) {
      throw data_error(place, "'size': expected multiples of {}, got {}", domain.multiple, side);
    }
  }
}

}  // namespace

NetworkPrior::NetworkPrior(NetworkPriorDescription description, std::shared_ptr<const Network> network)
    : Prior(description.name, description.domain, description.schedule),
      description_(std::move(description)),
      network_(std::move(network)) {
  check(description_, *network_);
}

double NetworkPrior::denoising_mse(double relative_sigma) const {
  return interpolate_log_log(description_.denoising_mse, relative_sigma);
}

double NetworkPrior::max_relative_sigma() const {
  const double all = schedule().max_relative_sigma();
  return description_.max_relative_sigma > 0 ? std::min(description_.max_relative_sigma, all) : all;
}

std::shared_ptr<const Network> NetworkPrior::network_on(c10::Device device) const {
  if (network_->parameters().front().value.device() == device) return network_;
  const std::lock_guard lock(mutex_);
  auto& network = elsewhere_[device.str()];
  if (network == nullptr) network = network_->to(device);
  return network;
}

at::Tensor NetworkPrior::predict(const at::Tensor& z, double time) const {
  const std::int64_t block = description_.space_to_depth;
  at::Tensor input = z.to(at::kFloat);
  if (block > 1) input = at::pixel_unshuffle(input, block);
  at::Tensor out = network_on(z.device())->forward(input, at::full({z.size(0)}, time, input.options()));
  if (description_.learned_variance) out = out.narrow(1, 0, input.size(1));
  if (block > 1) out = at::pixel_shuffle(out, block);
  return out.to(z.scalar_type());
}

at::Tensor NetworkPrior::do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const {
  const double r = level.relative_sigma();
  const double cleanest = schedule().min_relative_sigma();
  const double t = schedule().time_of(r);
  const double alpha = schedule().at(t).alpha;
  const NoiseLevel own{alpha, alpha * r};
  const bool by_time = description_.time_input == TimeInput::timestep;
  const double time = by_time ? schedule().time_of(std::max(r, cleanest)) : std::max(r, cleanest);
  const at::Tensor z = x_t * (own.alpha / level.alpha);
  return to_x0(description_.prediction, predict(z, time), z, own);
}

}  // namespace recon
