#include "priors/equivariant_prior.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

#include "recon/core/error.h"
#include "recon/core/philox.h"

namespace recon {
namespace {

const PriorPtr& with_symmetry(const PriorPtr& inner) {
  if (!inner || inner->symmetry() == ImageSymmetry::none) {
    throw internal_error("equivariant prior", "expected a prior with a symmetry, got {}",
                         inner ? inner->name() : "none");
  }
  return inner;
}

/// Images of one height and one other width cannot exchange rows and columns.
bool takes_turned(const ImageDomain& domain) {
  return domain.fixed_size.empty() || domain.fixed_size[0] == domain.fixed_size[1];
}

/// One of the eight symmetries of a square.
struct Move {
  bool columns = false, rows = false, transposed = false;  ///< reversed, reversed, and then exchanged

  at::Tensor operator()(at::Tensor x) const {
    if (columns) x = x.flip({-1});
    if (rows) x = x.flip({-2});
    return transposed ? x.transpose(-1, -2).contiguous() : x;
  }
  at::Tensor back(at::Tensor x) const {
    if (transposed) x = x.transpose(-1, -2).contiguous();
    if (rows) x = x.flip({-2});
    return columns ? x.flip({-1}) : x;
  }
  /// Of a part of height x width pixels: where it lies once the whole is moved.
  ImagePlace operator()(ImagePlace place, std::int64_t height, std::int64_t width) const {
    if (columns) place = place.with_columns_reversed(width);
    if (rows) place = place.with_rows_reversed(height);
    return transposed ? place.transposed() : place;
  }
};

/// The move that belongs to a level. Levels that differ by rounding only have the same one, but for a few in a million:
/// machines that round otherwise agree.
Move move_at(const NoiseLevel& level, bool rows, bool transposed) {
  const auto step = static_cast<std::uint64_t>(std::llround(4096 * std::log(level.relative_sigma())));
  const std::uint64_t bits = philox::mix(step) >> 32U;
  return {.columns = (bits & 1U) != 0, .rows = rows && (bits & 2U) != 0, .transposed = transposed && (bits & 4U) != 0};
}

/// `inner` for the moved images: where they are parts of larger ones, they now lie elsewhere.
PriorPtr moved(const PriorPtr& inner, std::vector<ImagePlace> places, const Move& move, const at::Tensor& x_t) {
  if (places.empty()) return inner;
  for (auto& place : places) place = move(place, x_t.size(-2), x_t.size(-1));
  return inner->of_parts(places);
}

}  // namespace

EquivariantPrior::EquivariantPrior(PriorPtr inner)
    : Prior(with_symmetry(inner)->name(), with_symmetry(inner)->domain(), with_symmetry(inner)->schedule()),
      inner_(std::move(inner)),
      rows_(inner_->symmetry() == ImageSymmetry::square),
      transposed_(rows_ && takes_turned(inner_->domain())) {}

std::shared_ptr<const Prior> EquivariantPrior::of_parts(const std::vector<ImagePlace>& places) const {
  if (inner_->of_parts(places) == nullptr) return nullptr;
  auto parts = std::make_shared<EquivariantPrior>(inner_);
  parts->places_ = places;
  return parts;
}

at::Tensor EquivariantPrior::do_denoise(const at::Tensor& x_t, const NoiseLevel& level) const {
  const Move move = move_at(level, rows_, transposed_);
  return move.back(denoise_on_tape(*moved(inner_, places_, move, x_t), move(x_t), level));
}

Linearized EquivariantPrior::do_linearize(const at::Tensor& x_t, const NoiseLevel& level) const {
  const Move move = move_at(level, rows_, transposed_);
  Linearized inner = moved(inner_, places_, move, x_t)->linearize(move(x_t), level);
  return {.x0 = move.back(inner.x0), .pullback = [move, pull = std::move(inner.pullback)](const at::Tensor& v) {
            return move.back(pull(move(v)));
          }};
}

DenoisedWithVariance EquivariantPrior::do_denoise_with_variance(const at::Tensor& x_t, const NoiseLevel& level) const {
  const Move move = move_at(level, rows_, transposed_);
  const DenoisedWithVariance inner = moved(inner_, places_, move, x_t)->denoise_with_variance(move(x_t), level);
  return {.x0 = move.back(inner.x0), .variance_fraction = move.back(inner.variance_fraction)};
}

}  // namespace recon
