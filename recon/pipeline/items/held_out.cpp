#include "recon/pipeline/items/held_out.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "operators/noise.h"
#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "recon/pipeline/items/support.h"
#include "recon/solvers/classical/count_thinning.h"

namespace recon {
namespace {

constexpr std::uint64_t parting_seed = 0;  ///< not the run's: candidates are compared on one and the same parting

Rng parting() { return {parting_seed, "held out"}; }

/// A share of `positions` [...] (bool), at random; at least one, and not all.
at::Tensor some_of(const at::Tensor& positions, double share, const StreamKey& key) {
  const at::Tensor there = positions.flatten().nonzero().squeeze(1);
  const auto count = std::clamp<std::int64_t>(std::llround(share * static_cast<double>(there.numel())), 1,
                                              std::max<std::int64_t>(there.numel() - 1, 1));
  const at::Tensor order = parting().uniform({key}, 0, {{there.numel()}, ScalarKind::real})[0].argsort();
  at::Tensor chosen = at::zeros({positions.numel()}, at::kBool);
  chosen.index_fill_(0, there.index_select(0, order.narrow(0, 0, count)), true);
  return chosen.view(positions.sizes());
}

/// Lines stay whole: neighbours within a line would give it away.
at::Tensor chosen_entries(const at::Tensor& mask, double share, const StreamKey& key) {
  for (const std::int64_t axis : {-2, -1}) {
    const at::Tensor lines = mask.any(axis, true);
    const bool whole = at::equal(lines.expand(mask.sizes()), mask);
    const bool alike = mask.dim() < 3 || at::equal(mask.any(0, true).expand(mask.sizes()), mask);
    if (!whole || !alike || lines.size(axis == -2 ? -1 : -2) < 4) continue;
    const at::Tensor of_one = mask.dim() < 3 ? lines : lines[0];
    return some_of(of_one, share, key).expand(mask.sizes());
  }
  return some_of(mask, share, key);
}

PreparedItem without_entries(PreparedItem item, double share, const StreamKey& key) {
  const at::Tensor mask = item.op->support().expand(item.op->range().shape) != 0;
  const at::Tensor held = chosen_entries(mask, share, key);
  const OperatorPtr whole = item.op;
  HeldOut part{.op = measuring_only(whole, held),
               .y = on_support(item.y, held.to(at::kDouble)),
               .variance = item.noise.variance};
  item.op = measuring_only(whole, held.logical_not());
  item.y = on_support(item.y, held.logical_not().to(at::kDouble));
  item.held_out = std::make_shared<const HeldOut>(std::move(part));
  return item;
}

PreparedItem fissioned(PreparedItem item, double share, const StreamKey& key) {
  const at::Tensor w =
      parting().normal({key}, 1, item.op->range(), item.y.options()) * item.noise.variance.sqrt().to(item.y.options());
  item.held_out = std::make_shared<const HeldOut>(HeldOut{
      .op = item.op, .y = item.y - std::sqrt((1 - share) / share) * w, .variance = item.noise.variance / share});
  item.y = item.y + std::sqrt(share / (1 - share)) * w;
  item.noise.variance = item.noise.variance / (1 - share);
  item.noise.std /= std::sqrt(1 - share);
  return item;
}

PreparedItem thinned(PreparedItem item, const StreamKey& key) {
  Noise halves = item.noise.photons;
  if (halves.type != NoiseType::poisson) {
    throw usage_error("hold_out", "item {}: counts with read noise cannot be parted into independent halves", item.id);
  }
  const at::Tensor background = item.noise.background;
  const at::Tensor counts = (background.defined() ? item.y + background : item.y) * halves.peak;
  const at::Tensor half = half_of_counts(counts, parting_seed, {key});
  halves.peak /= 2;
  const auto data = [&](const at::Tensor& photons) {
    const at::Tensor y = photons / halves.peak;
    return on_support(background.defined() ? y - background : y, item.op->support());
  };
  item.held_out = std::make_shared<const HeldOut>(
      HeldOut{.op = item.op, .y = data(counts - half), .variance = item.noise.variance * 2});
  item.y = data(half);
  item.noise = item_noise(halves, 0, item.y, item.op->support(), background);
  return item;
}

}  // namespace

PreparedItem hold_out(PreparedItem item, double share) {
  const StreamKey key{stable_hash(item.id), 0};
  item.alternatives = nullptr;  // they measure all of the data
  const at::Tensor support = item.op->support();
  if (support.defined() && (support == 0).any().item<bool>()) return without_entries(std::move(item), share, key);
  if (item.noise.photons.counts_photons()) return thinned(std::move(item), key);
  if (item.noise.variance.defined()) return fissioned(std::move(item), share, key);
  throw usage_error("hold_out",
                    "item {}: complete data without a noise level cannot be parted; state `noise_std`, or "
                    "`estimate_noise: true`",
                    item.id);
}

}  // namespace recon
