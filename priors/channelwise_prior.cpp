#include "priors/channelwise_prior.h"

#include <ATen/ATen.h>

#include <string>
#include <utility>

#include "recon/core/error.h"

namespace recon {
namespace {

ImageDomain widened(const PriorPtr& inner, std::int64_t channels) {
  if (!inner) throw internal_error("prior channelwise", "expected an inner prior, got none");
  if (inner->domain().channels != 1 || channels < 1) {
    throw usage_error("prior channelwise",
                      "expected a prior of 1 channel for images of 1 or more, got {} for {}; use a "
                      "prior with the channels of the image",
                      inner->domain().channels, channels);
  }
  ImageDomain domain = inner->domain();
  domain.channels = channels;
  return domain;
}

}  // namespace

ChannelwisePrior::ChannelwisePrior(PriorPtr inner, std::int64_t channels)
    : Prior(inner ? inner->name() + " per channel" : "", widened(inner, channels),
            inner ? inner->schedule() : NoiseSchedule::vp_linear()),
      inner_(std::move(inner)) {}

at::Tensor ChannelwisePrior::do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const {
  return denoise_on_tape(*inner_, x_t.flatten(0, 1).unsqueeze(1), level).view_as(x_t);
}

DenoisedWithVariance ChannelwisePrior::do_denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const {
  const DenoisedWithVariance inner = inner_->denoise_with_variance(x_t.flatten(0, 1).unsqueeze(1), level);
  return {.x0 = inner.x0.view_as(x_t), .variance_fraction = inner.variance_fraction.view_as(x_t)};
}

}  // namespace recon
