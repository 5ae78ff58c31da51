#include "priors/train/batch_source.h"

#include <ATen/ATen.h>

#include <cmath>

#include "recon/core/error.h"

namespace recon {
namespace {

/// Top, left, flip, quarter turns; contrast; row, column and share of shading.
constexpr std::int64_t draws_per_image = 8;

std::int64_t whole_below(const at::Tensor& uniform, std::int64_t end) {
  return std::min(static_cast<std::int64_t>(uniform.item<double>() * static_cast<double>(end)), end - 1);
}

std::string size_text(const at::Tensor& image) { return fmt::format("{} x {}", image.size(-2), image.size(-1)); }

/// u^g with g = contrast^(2 w - 1). Values below black have no power of their own and stay.
at::Tensor with_contrast(const at::Tensor& u, double contrast, double w) {
  return at::where(u > 0, u.clamp_min(0).pow(std::pow(contrast, 2 * w - 1)), u);
}

/// u (1 - share d² / 2), where d is the distance from (row, column) in sides of the image: at most sqrt(2).
at::Tensor shaded(const at::Tensor& u, double row, double column, double share) {
  const auto squares = [](std::int64_t n, double at) { return (at::linspace(0, 1, n) - at).square(); };
  return u * (1 - share / 2 * (squares(u.size(1), row).unsqueeze(1) + squares(u.size(2), column)));
}

}  // namespace

BatchSource::BatchSource(TrainingImages images, const TrainingOptions& options, std::int64_t multiple)
    : images_(std::move(images)),
      options_(options),
      multiple_(multiple),
      rng_(static_cast<std::uint64_t>(options.seed), "augmentation"),
      order_rng_(static_cast<std::uint64_t>(options.seed), "data order") {
  if (images_.count < 1) throw data_error("training data", "expected at least one image, got none");
  if (options_.crop % multiple_ != 0) {
    throw usage_error("crop", "expected a multiple of {} for this network, got {}", multiple_, options_.crop);
  }
}

std::int64_t BatchSource::index_of(std::int64_t k) {
  const std::int64_t epoch = k / images_.count;
  if (epoch != epoch_) {
    const at::Tensor keys =
        order_rng_.uniform({{static_cast<std::uint64_t>(epoch), 0}}, 0, {{images_.count}, ScalarKind::real})[0];
    const at::Tensor order = keys.argsort(/*stable=*/true, 0, false).contiguous();
    order_.assign(order.data_ptr<std::int64_t>(), order.data_ptr<std::int64_t>() + images_.count);
    epoch_ = epoch;
  }
  return order_[static_cast<std::size_t>(k % images_.count)];
}

at::Tensor BatchSource::augmented(at::Tensor image, const at::Tensor& draws, std::int64_t index,
                                  ImagePlace& place) const {
  place = {.height = image.size(1), .width = image.size(2)};
  const std::int64_t crop = options_.crop;
  if (crop > 0) {
    const std::int64_t down = image.size(1) - crop, right = image.size(2) - crop;
    if (down < 0 || right < 0) {
      throw data_error("training data", "image {} of {} is smaller than the crop of {}; leave it out or crop less",
                       index, size_text(image), crop);
    }
    place.top = whole_below(draws[0], down + 1);
    place.left = whole_below(draws[1], right + 1);
    image = image.narrow(1, place.top, crop).narrow(2, place.left, crop);
  } else if (image.size(1) % multiple_ != 0 || image.size(2) % multiple_ != 0) {
    throw data_error("training data", "image {} of {}: expected sides that are multiples of {}; set `crop`", index,
                     size_text(image), multiple_);
  }
  if (options_.flip && draws[2].item<double>() < 0.5) {
    image = image.flip({2});
    place = place.with_columns_reversed(image.size(2));
  }
  if (options_.rotate && image.size(1) == image.size(2)) {
    const std::int64_t turns = whole_below(draws[3], 4);
    image = at::rot90(image, turns, {1, 2});
    // A quarter turn exchanges rows and columns after the latter are reversed.
    for (std::int64_t i = 0; i < turns; ++i) place = place.with_columns_reversed(image.size(2)).transposed();
  }
  if (options_.contrast == 1 && options_.shading == 0) return image;
  const double span = images_.high - images_.low;
  const auto draw = [&](std::int64_t k) { return draws[k].item<double>(); };
  at::Tensor u = (image - images_.low) / span;
  if (options_.contrast != 1) u = with_contrast(u, options_.contrast, draw(4));
  if (options_.shading > 0) u = shaded(u, draw(5), draw(6), options_.shading * draw(7));
  return images_.low + span * u;
}

TrainingBatch BatchSource::batch(std::int64_t step) {
  std::vector<StreamKey> keys;
  for (std::int64_t slot = 0; slot < options_.batch; ++slot) {
    keys.push_back({static_cast<std::uint64_t>(step * options_.batch + slot), 0});
  }
  const at::Tensor draws = rng_.uniform(keys, 0, {{draws_per_image}, ScalarKind::real});
  std::vector<at::Tensor> items;
  std::vector<ImagePlace> places(keys.size());
  for (std::int64_t slot = 0; slot < options_.batch; ++slot) {
    const std::int64_t index = index_of(step * options_.batch + slot);
    items.push_back(augmented(images_.image(index), draws[slot], index, places[items.size()]));
    if (items.back().sizes() != items.front().sizes()) {
      throw data_error("training data", "image {} of {} beside one of {}: set `crop` to train on images of any size",
                       index, size_text(items.back()), size_text(items.front()));
    }
  }
  return {at::stack(items), std::move(places)};
}

}  // namespace recon
