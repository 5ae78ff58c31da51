#include "recon/pipeline/solve/prior_choice.h"

#include <algorithm>
#include <cstdint>

#include "recon/core/log.h"

namespace recon {
namespace {

constexpr const char* grey = "natural_gray";
constexpr const char* colour = "natural_rgb";
constexpr std::int64_t kMostColourPixels = 512 * 512;

}  // namespace

std::string choose_prior(const TensorSpec& image) {
  const Shape& shape = image.shape;
  const bool colours = shape.size() == 3 && shape[0] == 3 && image.scalar == ScalarKind::real;
  return colours && shape[1] * shape[2] <= kMostColourPixels ? colour : grey;
}

void settle_prior(std::string& prior, nlohmann::ordered_json& resolved, const std::vector<FirstItem>& items,
                  bool needed) {
  if (prior != automatic_prior) return;
  const bool all = std::all_of(items.begin(), items.end(),
                               [](const FirstItem& item) { return choose_prior(item.source->image()) == colour; });
  prior = all && !items.empty() ? colour : grey;
  resolved["prior"] = prior;
  if (needed && prior == colour) log::info("prior auto takes {}: images in colour", prior);
}

}  // namespace recon
