#include "operators/tomography/view_weights.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <numbers>
#include <optional>
#include <utility>

namespace recon {
namespace {

constexpr double half_turn = std::numbers::pi;
constexpr double wedge_ratio = 2;        ///< of the widest gap to the next, above which it is a missing wedge
constexpr double same_direction = 1e-9;  ///< radians: the rounding of angles that were meant to be equal

/// Views of one direction, modulo a period.
struct Direction {
  double angle = 0;
  std::vector<std::size_t> views;
};

/// In ascending order.
std::vector<Direction> directions_of(const std::vector<double>& angles_rad, double period) {
  std::map<double, std::vector<std::size_t>> found;
  for (std::size_t view = 0; view < angles_rad.size(); ++view) {
    double angle = std::fmod(angles_rad[view], period);
    if (angle < 0) angle += period;
    if (angle > period - same_direction) angle = 0;  // a whole period, but for its rounding
    const auto near = found.lower_bound(angle - same_direction);
    const bool known = near != found.end() && near->first <= angle + same_direction;
    found[known ? near->first : angle].push_back(view);
  }
  std::vector<Direction> directions;
  for (auto& [angle, views] : found) directions.push_back({angle, std::move(views)});
  return directions;
}

/// What each direction counts on its left and on its right: half of the gap there, or nothing at a missing wedge yet.
struct Sides {
  double left = 0, right = 0;
};

struct Circle {
  std::vector<Sides> sides;
  std::optional<std::size_t> behind_wedge;  ///< the direction with which the covered range begins
};

Circle sides_of(const std::vector<Direction>& directions, double period) {
  const std::size_t count = directions.size();
  std::vector<double> gaps;  // behind each direction
  for (std::size_t i = 0; i < count; ++i) {
    const double next = i + 1 < count ? directions[i + 1].angle : directions[0].angle + period;
    gaps.push_back(next - directions[i].angle);
  }
  std::vector<Sides> sides(count);
  for (std::size_t i = 0; i < count; ++i) sides[i] = {.left = gaps[(i + count - 1) % count] / 2, .right = gaps[i] / 2};
  std::vector<double> widest = gaps;
  std::sort(widest.rbegin(), widest.rend());
  if (count < 2 || widest[0] <= wedge_ratio * widest[1]) return {std::move(sides), {}};
  const auto wedge = static_cast<std::size_t>(std::max_element(gaps.begin(), gaps.end()) - gaps.begin());
  sides[wedge].right = sides[wedge].left;
  const std::size_t begin = (wedge + 1) % count;
  sides[begin].left = sides[begin].right;
  return {std::move(sides), begin};
}

ViewWeights weights_within(const std::vector<double>& angles_rad, double period) {
  const std::vector<Direction> directions = directions_of(angles_rad, period);
  const auto& [sides, begin] = sides_of(directions, period);
  ViewWeights result{.weight_rad = std::vector<double>(angles_rad.size()), .covered_rad = 0};
  for (std::size_t i = 0; i < directions.size(); ++i) {
    const double weight = sides[i].left + sides[i].right;
    const auto& views = directions[i].views;
    for (const std::size_t view : views) result.weight_rad[view] = weight / static_cast<double>(views.size());
    result.covered_rad += weight;
  }
  result.closed = !begin;
  result.first_rad = directions[begin.value_or(0)].angle - sides[begin.value_or(0)].left;
  return result;
}

}  // namespace

ViewWeights view_weights(const std::vector<double>& angles_rad) { return weights_within(angles_rad, half_turn); }

ViewWeights view_weights_of_fan(const std::vector<double>& angles_rad) {
  return weights_within(angles_rad, 2 * half_turn);
}

}  // namespace recon
