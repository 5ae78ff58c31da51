#include "priors/slices_prior.h"

#include <ATen/ATen.h>

#include <set>
#include <string>
#include <utility>

#include "priors/some_at_a_time.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// Which axis of [batch, C, D, H, W] is fixed in a slice.
std::int64_t fixed_axis(SliceOrientation orientation) {
  switch (orientation) {
    case SliceOrientation::axial:
      return 2;
    case SliceOrientation::coronal:
      return 3;
    case SliceOrientation::sagittal:
      return 4;
  }
  throw internal_error("SliceOrientation", "value {} is not one of the enumerators", static_cast<int>(orientation));
}

/// [batch, C, D, H, W] -> slices [batch * number, C, rows, columns].
at::Tensor planes_in(const at::Tensor& volume, SliceOrientation orientation) {
  return volume.movedim(fixed_axis(orientation), 1).flatten(0, 1);
}

/// Back, for volumes shaped like `like`.
at::Tensor planes_back(const at::Tensor& planes, SliceOrientation orientation, const at::Tensor& like) {
  const std::int64_t axis = fixed_axis(orientation);
  return planes.unflatten(0, {like.size(0), like.size(axis)}).movedim(1, axis);
}

std::string slices_name(const PriorPtr& inner, const std::vector<SliceOrientation>& orientations) {
  std::string names;
  for (const auto orientation : orientations) names += (names.empty() ? "" : ", ") + to_string(orientation);
  return (inner ? inner->name() : "") + " on " + names + " slices";
}

const PriorPtr& required(const PriorPtr& inner) {
  if (!inner) throw internal_error("prior on slices", "expected an inner prior, got none");
  return inner;
}

}  // namespace

ImageDomain SlicesPrior::domain_of(const ImageDomain& inner, const std::vector<SliceOrientation>& orientations) {
  const std::set<SliceOrientation> different(orientations.begin(), orientations.end());
  if (orientations.empty() || different.size() != orientations.size()) {
    throw usage_error("prior on slices", "expected one or more of axial, coronal and sagittal, each once");
  }
  if (inner.slice_multiple != 0)
    throw usage_error("prior on slices", "expected a prior for images, got one for volumes");
  const bool only_axial = orientations == std::vector{SliceOrientation::axial};
  if (!only_axial && !inner.fixed_size.empty()) {
    throw usage_error("prior on slices",
                      "the prior knows images of one size only, {}; of a volume it can take the axial slices",
                      to_string(inner.fixed_size));
  }
  ImageDomain domain = inner;
  domain.slice_multiple = only_axial ? 1 : inner.multiple;
  return domain;
}

SlicesPrior::SlicesPrior(PriorPtr inner, std::vector<SliceOrientation> orientations)
    : Prior(slices_name(inner, orientations), domain_of(required(inner)->domain(), orientations), inner->schedule()),
      inner_(std::move(inner)),
      orientations_(std::move(orientations)) {}

bool SlicesPrior::learns_variance() const {
  return inner_->learns_variance() && orientations_ == std::vector{SliceOrientation::axial};
}

at::Tensor SlicesPrior::do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const {
  at::Tensor sum;
  for (const auto orientation : orientations_) {
    const at::Tensor planes = some_at_a_time(
        planes_in(x_t, orientation),
        [&](const at::Tensor& some, std::int64_t /*begin*/) { return denoise_on_tape(*inner_, some, level); });
    const at::Tensor volume = planes_back(planes, orientation, x_t);
    sum = sum.defined() ? sum + volume : volume;
  }
  return (orientations_.size() == 1 ? sum : sum / static_cast<double>(orientations_.size())).contiguous();
}

Linearized SlicesPrior::do_linearize(const at::Tensor& x_t, const NoiseLevel& level) const {
  const std::int64_t slices = x_t.size(0) * x_t.size(2);
  if (orientations_.size() == 1 && slices <= images_per_pass(planes_in(x_t, SliceOrientation::axial))) {
    return Prior::do_linearize(x_t, level);
  }
  // A tape of all slices is what memory has no room for: each part's is made when it is gone back through.
  const at::Tensor kept = x_t.detach();
  return {denoise(kept, level), [inner = inner_, orientations = orientations_, kept, level](const at::Tensor& v) {
            at::Tensor sum = at::zeros_like(v);
            for (const auto orientation : orientations) {
              const at::Tensor of_v = planes_in(v, orientation);
              const at::Tensor pulled =
                  some_at_a_time(planes_in(kept, orientation), [&](const at::Tensor& some, std::int64_t begin) {
                    return inner->linearize(some, level).pullback(of_v.narrow(0, begin, some.size(0)).contiguous());
                  });
              sum += planes_back(pulled, orientation, v);
            }
            return sum.div_(static_cast<double>(orientations.size()));
          }};
}

DenoisedWithVariance SlicesPrior::do_denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const {
  std::vector<at::Tensor> fractions;
  const auto axial = SliceOrientation::axial;
  const at::Tensor x0 = some_at_a_time(planes_in(x_t, axial), [&](const at::Tensor& some, std::int64_t /*begin*/) {
    const DenoisedWithVariance both = inner_->denoise_with_variance(some, level);
    fractions.push_back(both.variance_fraction);
    return both.x0;
  });
  return {.x0 = planes_back(x0, axial, x_t).contiguous(),
          .variance_fraction = planes_back(at::cat(fractions), axial, x_t).contiguous()};
}

}  // namespace recon
