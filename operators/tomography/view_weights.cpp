#include "operators/tomography/view_weights.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <numbers>
#include <utility>

namespace recon {
namespace {

constexpr double half_turn = std::numbers::pi;
constexpr double wedge_ratio = 2;        ///< of the widest gap to the next, above which it is a missing wedge
constexpr double same_direction = 1e-9;  ///< radians: the rounding of angles that were meant to be equal

/// Views of one direction, modulo a half turn.
struct Direction {
  double angle = 0;
  std::vector<std::size_t> views;
};

/// In ascending order.
std::vector<Direction> directions_of(const std::vector<double>& angles_rad) {
  std::map<double, std::vector<std::size_t>> found;
  for (std::size_t view = 0; view < angles_rad.size(); ++view) {
    double angle = std::fmod(angles_rad[view], half_turn);
    if (angle < 0) angle += half_turn;
    if (angle > half_turn - same_direction) angle = 0;  // a whole half turn, but for its rounding
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

std::vector<Sides> sides_of(const std::vector<Direction>& directions) {
  const std::size_t count = directions.size();
  std::vector<double> gaps;  // behind each direction
  for (std::size_t i = 0; i < count; ++i) {
    const double next = i + 1 < count ? directions[i + 1].angle : directions[0].angle + half_turn;
    gaps.push_back(next - directions[i].angle);
  }
  std::vector<Sides> sides(count);
  for (std::size_t i = 0; i < count; ++i) sides[i] = {.left = gaps[(i + count - 1) % count] / 2, .right = gaps[i] / 2};
  std::vector<double> widest = gaps;
  std::sort(widest.rbegin(), widest.rend());
  if (count < 2 || widest[0] <= wedge_ratio * widest[1]) return sides;
  const auto wedge = static_cast<std::size_t>(std::max_element(gaps.begin(), gaps.end()) - gaps.begin());
  sides[wedge].right = sides[wedge].left;
  Sides& behind = sides[(wedge + 1) % count];
  behind.left = behind.right;
  return sides;
}

}  // namespace

ViewWeights view_weights(const std::vector<double>& angles_rad) {
  const std::vector<Direction> directions = directions_of(angles_rad);
  const std::vector<Sides> sides = sides_of(directions);
  ViewWeights result{.weight_rad = std::vector<double>(angles_rad.size()), .covered_rad = 0};
  for (std::size_t i = 0; i < directions.size(); ++i) {
    const double weight = sides[i].left + sides[i].right;
    const auto& views = directions[i].views;
    for (const std::size_t view : views) result.weight_rad[view] = weight / static_cast<double>(views.size());
    result.covered_rad += weight;
  }
  return result;
}

}  // namespace recon
