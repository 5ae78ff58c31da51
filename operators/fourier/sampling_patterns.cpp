#include "operators/fourier/sampling_patterns.h"

#include <ATen/ATen.h>

#include "operators/masks.h"
#include "recon/core/error.h"
#include "recon/core/log.h"

namespace recon {
namespace {

struct Grid {
  std::int64_t height, width;
  std::int64_t size() const { return height * width; }
};

/// First of the `count` lines around the centre n / 2.
std::int64_t first_central(std::int64_t n, std::int64_t count) { return n / 2 - count / 2; }

at::Tensor columns_mask(const at::Tensor& columns, const Grid& grid) {
  return columns.unsqueeze(0).expand({grid.height, grid.width}).contiguous();
}

at::Tensor random_columns(const SamplingPatternOptions& options, const Grid& grid, std::int64_t central) {
  const auto wanted =
      std::max<std::int64_t>(central, std::llround(static_cast<double>(grid.width) / options.acceleration));
  const at::Tensor columns = at::zeros({grid.width}, at::kDouble);
  columns.narrow(0, first_central(grid.width, central), central).fill_(1);
  auto* taken = columns.data_ptr<double>();
  std::int64_t left = wanted - central;
  for (const auto column : random_order(grid.width, options.seed, "fourier/cartesian_random")) {
    if (left == 0) break;
    if (taken[column] == 0) --left;
    taken[column] = 1;
  }
  return columns_mask(columns, grid);
}

at::Tensor equispaced_columns(const SamplingPatternOptions& options, const Grid& grid, std::int64_t central) {
  const std::int64_t begin = first_central(grid.width, central), outside = grid.width - central;
  const std::int64_t wanted = std::llround(static_cast<double>(grid.width) / options.acceleration) - central;
  const at::Tensor columns = at::zeros({grid.width}, at::kDouble);
  columns.narrow(0, begin, central).fill_(1);
  // Over the columns beside the centre, from its right end on and on again from the left edge: k-space is periodic.
  for (std::int64_t line = 0; line < wanted; ++line) {
    const std::int64_t behind = (2 * line + 1) * outside / (2 * wanted);
    columns[(begin + central + behind) % grid.width] = 1;
  }
  return columns_mask(columns, grid);
}

/// Dart throwing: visits the positions in the given order and takes each that no taken one is too close to.
class DartBoard {
 public:
  DartBoard(const Grid& grid, std::int64_t central, std::vector<std::int64_t> order)
      : grid_(grid), central_(central), order_(std::move(order)) {}

  /// The taken positions in the order they were taken, without those of the central square.
  std::vector<std::int64_t> play(double base_radius) {
    taken_.assign(static_cast<std::size_t>(grid_.size()), 0);
    std::vector<std::int64_t> accepted;
    for (const auto position : order_) {
      const std::int64_t row = position / grid_.width;
      const std::int64_t column = position % grid_.width;
      if (in_centre(row, column) || !is_free(row, column, base_radius * growth(row, column))) continue;
      taken_[static_cast<std::size_t>(position)] = 1;
      accepted.push_back(position);
    }
    return accepted;
  }

  bool in_centre(std::int64_t row, std::int64_t column) const {
    const std::int64_t down = row - first_central(grid_.height, central_);
    const std::int64_t right = column - first_central(grid_.width, central_);
    return down >= 0 && down < central_ && right >= 0 && right < central_;
  }

 private:
  double growth(std::int64_t row, std::int64_t column) const {
    const double v = static_cast<double>(row - grid_.height / 2) / static_cast<double>(grid_.height);
    const double u = static_cast<double>(column - grid_.width / 2) / static_cast<double>(grid_.width);
    return 1 + 4 * std::hypot(u, v) / std::hypot(0.5, 0.5);
  }

  bool is_free(std::int64_t row, std::int64_t column, double radius) const {
    const auto reach = static_cast<std::int64_t>(radius);
    for (std::int64_t r = std::max<std::int64_t>(0, row - reach); r <= std::min(grid_.height - 1, row + reach); ++r) {
      for (std::int64_t c = std::max<std::int64_t>(0, column - reach); c <= std::min(grid_.width - 1, column + reach);
           ++c) {
        const bool near = static_cast<double>((r - row) * (r - row) + (c - column) * (c - column)) < radius * radius;
        if (near && taken_[static_cast<std::size_t>(r * grid_.width + c)] != 0) return false;
      }
    }
    return true;
  }

  Grid grid_;
  std::int64_t central_;
  std::vector<std::int64_t> order_;
  std::vector<char> taken_;
};

at::Tensor poisson_disc(const SamplingPatternOptions& options, const Grid& grid, std::int64_t central) {
  const auto wanted = std::llround(static_cast<double>(grid.size()) / options.acceleration) - central * central;
  const at::Tensor mask = at::zeros({grid.height, grid.width}, at::kDouble);
  mask.narrow(0, first_central(grid.height, central), central)
      .narrow(1, first_central(grid.width, central), central)
      .fill_(1);
  if (wanted <= 0) return mask;
  DartBoard board(grid, central, random_order(grid.size(), options.seed, "fourier/poisson_disc"));
  double low = 0;  // radius 0 takes everything
  double high = std::sqrt(options.acceleration) + 1;
  std::vector<std::int64_t> best = board.play(low);
  constexpr int bisections = 12;
  for (int i = 0; i < bisections; ++i) {
    const double middle = 0.5 * (low + high);
    auto accepted = board.play(middle);
    if (static_cast<std::int64_t>(accepted.size()) < wanted) {
      high = middle;
    } else {
      low = middle;
      best = std::move(accepted);
    }
  }
  // The surplus of the last radius that is dense enough: the darts thrown last go.
  best.resize(static_cast<std::size_t>(wanted));
  auto* values = mask.data_ptr<double>();
  for (const auto position : best) values[position] = 1;
  return mask;
}

/// The samples of the centre may be more than the acceleration allows.
void say_acceleration(const SamplingPatternOptions& options, const at::Tensor& mask, const std::string& location) {
  const double reached = 1 / mask.mean().item<double>();
  constexpr double rounding = 0.9;  // of samples to whole columns
  if (reached >= rounding * options.acceleration) return;
  log::warn(
      "{}: the acceleration is {:.3g}, not {:.3g}: the fully sampled centre has more samples than that allows; set "
      "center_lines",
      location, reached, options.acceleration);
}

at::Tensor radial(const SamplingPatternOptions& options, const Grid& grid) {
  const at::Tensor mask = at::zeros({grid.height, grid.width}, at::kDouble);
  auto* values = mask.data_ptr<double>();
  const double reach = std::hypot(static_cast<double>(grid.height), static_cast<double>(grid.width)) / 2;
  constexpr double step = 0.5;  // half a grid cell: no cell on the line is skipped
  for (std::int64_t spoke = 0; spoke < options.spokes; ++spoke) {
    const double angle = M_PI * static_cast<double>(spoke) / static_cast<double>(options.spokes);
    for (double radius = -reach; radius <= reach; radius += step) {
      const auto row = grid.height / 2 + std::llround(radius * std::sin(angle));
      const auto column = grid.width / 2 + std::llround(radius * std::cos(angle));
      if (row >= 0 && row < grid.height && column >= 0 && column < grid.width) values[row * grid.width + column] = 1;
    }
  }
  values[grid.height / 2 * grid.width + grid.width / 2] = 1;
  return mask;
}

}  // namespace

void SamplingPatternOptions::visit(ParameterVisitor& v) {
  v.array("mask", mask,
          "1 = sampled, on the centred k-space grid [height, width] (zero frequency at [H/2, W/2]), "
          "of volumes [slices, height, width]");
  if (mask.defined()) pattern = SamplingPattern::array;
  v.choice("pattern", pattern, "which positions are sampled (array when a mask is given)");
  v.field("acceleration", acceleration, "cartesian and poisson_disc: grid positions per sample", {.min = 1});
  v.field("center_lines", center_lines,
          "cartesian: fully sampled central columns, poisson_disc: side of the fully "
          "sampled square; 0: 8 %, at least 1",
          {.min = 0});
  v.field("spokes", spokes, "radial: lines through the centre", {.min = 1});
  v.field("seed", seed, "cartesian_random and poisson_disc: which positions", {.min = 0});
}

at::Tensor SamplingPatternOptions::on(const TensorSpec& image, const std::string& location) const {
  require_image_or_volume(image, location);
  if (mask.defined() != (pattern == SamplingPattern::array)) {
    throw usage_error(location, "pattern 'array' and a mask go together: got pattern '{}' and {} mask",
                      to_string(pattern), mask.defined() ? "a" : "no");
  }
  if (pattern == SamplingPattern::array) return checked_mask(mask, image, location);
  const bool volume = image.shape.size() == 4;
  const Grid grid{image.shape[1], image.shape.back()};
  const std::int64_t side = pattern == SamplingPattern::poisson_disc ? std::min(grid.height, grid.width) : grid.width;
  const std::int64_t central =
      center_lines > 0 ? center_lines : std::max<std::int64_t>(1, std::llround(0.08 * static_cast<double>(side)));
  if (central > side) throw usage_error(location, "center_lines {} exceeds the {} lines of the grid", central, side);
  at::Tensor sampled = at::ones({grid.height, grid.width}, at::kDouble);
  if (pattern == SamplingPattern::cartesian_random) sampled = random_columns(*this, grid, central);
  if (pattern == SamplingPattern::cartesian_equispaced) sampled = equispaced_columns(*this, grid, central);
  if (pattern == SamplingPattern::poisson_disc) sampled = poisson_disc(*this, grid, central);
  if (pattern == SamplingPattern::radial) sampled = radial(*this, grid);
  if (pattern == SamplingPattern::cartesian_random || pattern == SamplingPattern::cartesian_equispaced ||
      pattern == SamplingPattern::poisson_disc) {
    say_acceleration(*this, sampled, location);
  }
  if (volume) sampled = sampled.unsqueeze(1).expand({grid.height, image.shape[2], grid.width}).contiguous();
  return sampled.unsqueeze(0);
}

}  // namespace recon
