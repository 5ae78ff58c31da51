#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <memory>
#include <utility>

#include "priors/network_prior.h"

namespace recon::test {

/// A network that answers as another prior would, in the words of a description: it knows the noise from the time it is
/// given, undoes the input's scaling, and speaks of images in the description's value range and channel order.
class ActingNetwork final : public Network {
 public:
  ActingNetwork(PriorPtr prior, NetworkPriorDescription description)
      : prior_(std::move(prior)), d_(std::move(description)) {
    parameters_.push_back({"none", at::zeros({1})});
  }

  at::Tensor forward(const at::Tensor& input, const at::Tensor& times) const override {
    const NoiseLevel level = level_of(times[0].item<double>() / d_.time_scale);
    const double r = level.relative_sigma(), c_in = edm_coefficients(r, d_.sigma_data).c_in;
    const at::Tensor u = (d_.scaling() == InputScaling::edm ? input / c_in : input / level.alpha).to(at::kDouble);
    const ImageDomain& theirs = prior_->domain();
    const double scale = (theirs.high - theirs.low) / (d_.domain.high - d_.domain.low);
    const at::Tensor x = (turned(u) - d_.domain.low) * scale + theirs.low;
    const at::Tensor x0 = (prior_->denoise(x, {.alpha = 1, .sigma = r * scale}) - theirs.low) / scale + d_.domain.low;
    return from_x0(d_.prediction, turned(x0), u * level.alpha, level, d_.sigma_data).to(at::kFloat);
  }
  std::int64_t in_channels() const override { return d_.domain.channels; }
  std::int64_t out_channels() const override { return d_.domain.channels; }
  std::int64_t size_multiple() const override { return 1; }
  std::shared_ptr<const Network> to(c10::Device) const override { return nullptr; }

 private:
  at::Tensor turned(const at::Tensor& x) const { return d_.bgr ? x.flip(1) : x; }

  /// Whatever time it is given, it makes the best of it, as a network does.
  NoiseLevel level_of(double time) const {
    const NoiseSchedule& schedule = d_.schedule;
    const double last = schedule.max_time(), first = std::max(0.0, schedule.min_time());
    switch (d_.time_input) {
      case TimeInput::timestep:
        return known(schedule.at(std::clamp(time, first, last)));
      case TimeInput::reversed_timestep:
        return known(schedule.at(std::clamp(last - time, first, last)));
      case TimeInput::relative_sigma:
      case TimeInput::edm_noise: {
        const double r = std::clamp(d_.time_input == TimeInput::edm_noise ? std::exp(4 * time) : time, 1e-3, 1e3);
        const double alpha = schedule.at(schedule.time_of(r)).alpha;
        return {alpha, alpha * r};
      }
    }
    return {};
  }
  static NoiseLevel known(const NoiseLevel& level) {
    return {std::max(level.alpha, 1e-3), std::max(level.sigma, 1e-3)};
  }

  PriorPtr prior_;
  NetworkPriorDescription d_;
};

}  // namespace recon::test
