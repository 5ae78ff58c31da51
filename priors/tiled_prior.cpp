#include "priors/tiled_prior.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "priors/some_at_a_time.h"
#include "recon/core/error.h"
#include "recon/core/philox.h"

namespace recon {
namespace {

ImageDomain domain_of_tiles(const PriorPtr& inner, std::int64_t height, std::int64_t width) {
  if (!inner || inner->domain().fixed_size.empty()) {
    throw internal_error("tiled prior", "expected a prior of one fixed size, got {}", inner ? inner->name() : "none");
  }
  ImageDomain domain = inner->domain();
  domain.fixed_size = {std::max(height, domain.fixed_size[0]), std::max(width, domain.fixed_size[1])};
  return domain;
}

/// A number in [0, below) that the level and the axis decide.
std::int64_t shift_at(const NoiseLevel& level, std::uint64_t axis, std::int64_t below) {
  const auto bits = std::bit_cast<std::uint64_t>(level.relative_sigma());
  return static_cast<std::int64_t>(philox::mix(bits + axis) % static_cast<std::uint64_t>(below));
}

/// Where tiles lie along one axis, and what each counts for at its pixels.
struct TiledAxis {
  std::vector<std::int64_t> begins;  ///< ascending
  at::Tensor weights;                ///< [tiles, side], float64; they sum to 1 at every pixel of the axis

  TiledAxis(std::int64_t length, std::int64_t side, const NoiseLevel& level, std::uint64_t axis) {
    const std::int64_t apart = std::max<std::int64_t>(1, side - side / 4);
    begins.push_back(0);
    if (length > side) {
      // The first step is any length up to the others', so that all seams move.
      for (std::int64_t at = 1 + shift_at(level, axis, apart); at < length - side; at += apart) begins.push_back(at);
      begins.push_back(length - side);
    }
    const at::Tensor from_left = at::arange(1, side + 1, at::kDouble);
    const at::Tensor fall = at::minimum(from_left, from_left.flip({0}));
    const at::Tensor sum = at::zeros({length}, at::kDouble);
    for (const std::int64_t begin : begins) sum.narrow(0, begin, side).add_(fall);
    std::vector<at::Tensor> rows;
    rows.reserve(begins.size());
    for (const std::int64_t begin : begins) rows.push_back(fall / sum.narrow(0, begin, side));
    weights = at::stack(rows);
  }
};

/// The tiles of images [batch, C, height, width] at one noise level, and the way back.
class Tiling {
 public:
  Tiling(const at::Tensor& like, const std::vector<std::int64_t>& side, const NoiseLevel& level)
      : side_(side), rows_(like.size(-2), side[0], level, 0), columns_(like.size(-1), side[1], level, 1) {
    const at::Tensor products =
        rows_.weights.view({-1, 1, side[0], 1}) * columns_.weights.view({1, -1, 1, side[1]});  // [rows, columns, h, w]
    weights_ = products.flatten(0, 1).view({-1, 1, 1, side[0], side[1]}).to(like.options());
  }

  /// [tiles * batch, C, h, w], tile by tile.
  at::Tensor cut(const at::Tensor& images) const {
    std::vector<at::Tensor> tiles;
    for (const std::int64_t top : rows_.begins) {
      for (const std::int64_t left : columns_.begins) {
        tiles.push_back(images.narrow(-2, top, side_[0]).narrow(-1, left, side_[1]));
      }
    }
    return at::stack(tiles).flatten(0, 1);
  }
  at::Tensor weighted(const at::Tensor& tiles) const {
    return (tiles.unflatten(0, {weights_.size(0), -1}) * weights_).flatten(0, 1);
  }
  /// Where they lie, of the tiles of cut() from `first` on.
  std::vector<ImagePlace> places(const at::Tensor& images, std::int64_t first, std::int64_t count) const {
    const std::int64_t batch = images.size(0), columns = std::ssize(columns_.begins);
    std::vector<ImagePlace> places;
    for (std::int64_t i = first; i < first + count; ++i) {
      const std::int64_t tile = i / batch;
      places.push_back({.top = rows_.begins[static_cast<std::size_t>(tile / columns)],
                        .left = columns_.begins[static_cast<std::size_t>(tile % columns)],
                        .height = images.size(-2),
                        .width = images.size(-1)});
    }
    return places;
  }
  /// The transpose of cut().
  at::Tensor add_up(const at::Tensor& tiles, const at::Tensor& like) const {
    const at::Tensor apart = tiles.unflatten(0, {weights_.size(0), -1});
    at::Tensor sum = at::zeros_like(like);
    std::int64_t tile = 0;
    for (const std::int64_t top : rows_.begins) {
      for (const std::int64_t left : columns_.begins) {
        sum.narrow(-2, top, side_[0]).narrow(-1, left, side_[1]).add_(apart[tile++]);
      }
    }
    return sum;
  }

 private:
  std::vector<std::int64_t> side_;
  TiledAxis rows_, columns_;
  at::Tensor weights_;  ///< [tiles, 1, 1, h, w]
};

/// `inner` for those tiles of `images`.
PriorPtr of_tiles(const PriorPtr& inner, const Tiling& tiling, const at::Tensor& images, std::int64_t first,
                  std::int64_t count) {
  const PriorPtr parts = inner->of_parts(tiling.places(images, first, count));
  return parts == nullptr ? inner : parts;
}

}  // namespace

TiledPrior::TiledPrior(PriorPtr inner, std::int64_t height, std::int64_t width)
    : Prior(inner ? inner->name() + " in tiles" : "", domain_of_tiles(inner, height, width), inner->schedule()),
      inner_(std::move(inner)) {}

at::Tensor TiledPrior::do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const {
  const Tiling tiling(x_t, inner_->domain().fixed_size, level);
  const at::Tensor tiles = some_at_a_time(tiling.cut(x_t), [&](const at::Tensor& some, std::int64_t first) {
    return denoise_on_tape(*of_tiles(inner_, tiling, x_t, first, some.size(0)), some, level);
  });
  return tiling.add_up(tiling.weighted(tiles), x_t);
}

Linearized TiledPrior::do_linearize(const at::Tensor& x_t, const NoiseLevel& level) const {
  const Tiling tiling(x_t, inner_->domain().fixed_size, level);
  const at::Tensor kept = tiling.cut(x_t.detach());
  if (kept.size(0) <= images_per_pass(kept)) {
    const Linearized tiles = of_tiles(inner_, tiling, x_t, 0, kept.size(0))->linearize(kept, level);
    return {tiling.add_up(tiling.weighted(tiles.x0), x_t), [tiling, pull = tiles.pullback](const at::Tensor& v) {
              return tiling.add_up(pull(tiling.weighted(tiling.cut(v)).contiguous()), v);
            }};
  }
  // A tape of all tiles is what memory has no room for: each part's is made when it is gone back through.
  return {denoise(x_t.detach(), level), [inner = inner_, tiling, kept, level](const at::Tensor& v) {
            const at::Tensor of_v = tiling.weighted(tiling.cut(v));
            const at::Tensor pulled = some_at_a_time(kept, [&](const at::Tensor& some, std::int64_t first) {
              const PriorPtr parts = of_tiles(inner, tiling, v, first, some.size(0));
              return parts->linearize(some, level).pullback(of_v.narrow(0, first, some.size(0)).contiguous());
            });
            return tiling.add_up(pulled, v);
          }};
}

}  // namespace recon
