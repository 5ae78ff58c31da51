#include "recon/pipeline/items/prior_option.h"

#include <ATen/ATen.h>

#include <optional>
#include <utility>
#include <vector>

#include "data/content_hash.h"
#include "priors/checkpoints/prior_files.h"
#include "priors/empirical_prior.h"
#include "priors/gaussian_prior.h"
#include "priors/load_prior.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/image_collection.h"

namespace recon {
namespace {

/// An image as tiles of that size, side by side from the top left; what is left at the other edges is not used.
void add_tiles(const at::Tensor& image, const std::vector<std::int64_t>& size, std::vector<at::Tensor>& tiles) {
  for (std::int64_t top = 0; top + size[0] <= image.size(1); top += size[0]) {
    for (std::int64_t left = 0; left + size[1] <= image.size(2); left += size[1]) {
      tiles.push_back(image.narrow(1, top, size[0]).narrow(2, left, size[1]));
    }
  }
}

ImageDomain domain_of(const PriorCard& card) {
  const auto [low, high] = card.value_range.value_or(std::pair(-1.0, 1.0));
  return {.channels = card.channels.value_or(1), .fixed_size = card.fixed_size, .low = low, .high = high};
}

/// [N, C, H, W] in the card's value_range.
at::Tensor images_of(const PriorCard& card) {
  const TrainingImages source =
      open_image_collection(card.images, domain_of(card), {card.image_range.first, card.image_range.second});
  std::vector<at::Tensor> tiles;
  for (std::int64_t i = 0; i < source.count; ++i) {
    const at::Tensor image = source.image(i);
    const std::size_t before = tiles.size();
    add_tiles(image, card.fixed_size.empty() ? Shape{image.size(1), image.size(2)} : card.fixed_size, tiles);
    if (tiles.size() == before) {
      throw data_error(card.location, "`images`: image {} of {} x {} pixels has no tile of `size` {}", i, image.size(1),
                       image.size(2), to_string(card.fixed_size));
    }
    if (tiles.back().sizes() != tiles.front().sizes()) {
      throw data_error(card.location, "`images`: expected {} as the first image, image {} has {}; add a `size`",
                       to_string(shape_of(tiles.front())), i, to_string(shape_of(tiles.back())));
    }
  }
  if (tiles.empty()) throw data_error(card.location, "`images`: there is none");
  return at::stack(tiles);
}

PriorPtr gaussian_of(const PriorCard& card) {
  const std::int64_t height = card.fixed_size[0], width = card.fixed_size[1], channels = std::ssize(card.mean);
  const Shape image{channels, height, width};
  const auto [low, high] = card.value_range.value_or(std::pair(-1.0, 1.0));
  const at::Tensor power = on_frequencies(card.power_spectrum, height, width).expand(image).contiguous();
  return std::make_shared<GaussianPrior>(
      at::tensor(card.mean, at::kDouble).view({channels, 1, 1}).expand(image).contiguous(),
      Covariance::stationary(power), card.schedule.value_or(NoiseSchedule::vp_linear()), low, high,
      card.name.value_or("gaussian"));
}

}  // namespace

std::string prior_from(const YamlOptions& config, const char* key, const std::string& value) {
  return is_prior_path(value) ? config.path_of(key, value).string() : value;
}

std::optional<PriorCard> closed_form_card(const std::string& path_or_name) {
  const PriorFiles files = locate_prior_files(find_prior(path_or_name));
  if (!files.card) return std::nullopt;
  PriorCard card = read_prior_card(*files.card);
  return card.images.empty() && card.mean.empty() ? std::nullopt : std::optional(std::move(card));
}

PriorPtr open_prior(const std::string& path_or_name, Precision precision, std::int64_t memory) {
  const std::optional<PriorCard> card = closed_form_card(path_or_name);
  if (!card) return load_prior(path_or_name, precision, memory);
  if (!card->mean.empty()) return gaussian_of(*card);
  const ImageDomain domain = domain_of(*card);
  return std::make_shared<EmpiricalPrior>(images_of(*card), card->width,
                                          card->schedule.value_or(NoiseSchedule::vp_linear()), domain.low, domain.high,
                                          card->name.value_or("empirical"));
}

std::string hash_of_prior(const std::string& path_or_name) {
  const std::string hash = content_hash_of_path(find_prior(path_or_name));
  const std::optional<PriorCard> card = closed_form_card(path_or_name);
  if (!card || card->images.empty()) return hash;
  const at::Tensor images = images_of(*card).contiguous();
  return content_hash(hash + content_hash({static_cast<const char*>(images.data_ptr()), images.nbytes()}));
}

}  // namespace recon
