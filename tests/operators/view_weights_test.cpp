#include "operators/tomography/view_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

namespace recon {
namespace {

constexpr double half_turn = std::numbers::pi;

/// The share of the half turn that is nearest to each view, by trying directions; views of one direction share theirs.
std::vector<double> nearest_shares(const std::vector<double>& angles, int tried) {
  std::vector<double> share(angles.size(), 0);
  std::vector<double> distance(angles.size());
  for (int i = 0; i < tried; ++i) {
    const double direction = half_turn * (i + 0.5) / tried;
    for (std::size_t k = 0; k < angles.size(); ++k) {
      const double apart = std::abs(std::remainder(direction - angles[k], half_turn));
      distance[k] = apart;
    }
    const double least = *std::min_element(distance.begin(), distance.end());
    const auto near = [&](double d) { return d < least + 1e-9; };
    const auto winners = std::count_if(distance.begin(), distance.end(), near);
    for (std::size_t k = 0; k < angles.size(); ++k) {
      if (near(distance[k])) share[k] += half_turn / tried / static_cast<double>(winners);
    }
  }
  return share;
}

/// Whether the widest gap is a missing wedge, from the sorted directions.
bool has_wedge(const std::vector<double>& angles) {
  std::vector<double> sorted;
  for (const double angle : angles) {
    const double folded = angle - half_turn * std::floor(angle / half_turn);
    if (std::none_of(sorted.begin(), sorted.end(),
                     [&](double other) { return std::abs(std::remainder(other - folded, half_turn)) < 1e-9; })) {
      sorted.push_back(folded);
    }
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> gaps = {sorted.front() + half_turn - sorted.back()};
  for (std::size_t i = 1; i < sorted.size(); ++i) gaps.push_back(sorted[i] - sorted[i - 1]);
  std::sort(gaps.rbegin(), gaps.rend());
  return gaps.size() > 1 && gaps[0] > 2 * gaps[1];
}

TEST(ViewWeights, AreTheDirectionsNearestToEachViewFor200RandomSets) {
  std::mt19937 random(7);
  int wedges = 0;
  for (int round = 0; round < 200; ++round) {
    std::uniform_real_distribution<double> anywhere(-2 * half_turn, 2 * half_turn);
    std::vector<double> angles(static_cast<std::size_t>(3 + round % 40));
    for (auto& angle : angles) angle = anywhere(random);
    if (round % 3 == 0) angles.push_back(angles.front() + half_turn);  // seen from the back as well
    if (has_wedge(angles)) {
      ++wedges;
      continue;
    }
    const ViewWeights found = view_weights(angles);
    constexpr int tried = 20000;
    const auto expected = nearest_shares(angles, tried);
    for (std::size_t k = 0; k < angles.size(); ++k) {
      EXPECT_NEAR(found.weight_rad[k], expected[k], 3 * half_turn / tried) << round << " " << k;
    }
    EXPECT_NEAR(found.covered_rad, half_turn, 1e-9);
  }
  EXPECT_LT(wedges, 60);
}

TEST(ViewWeights, AMissingWedgeBelongsToNoView) {
  std::mt19937 random(8);
  for (int round = 0; round < 200; ++round) {
    std::uniform_real_distribution<double> step(0.5, 1), anywhere(0, half_turn);
    std::vector<double> angles = {anywhere(random)};
    const int more = 2 + round % 30;
    std::vector<double> steps;
    for (int k = 0; k < more; ++k) {
      steps.push_back(step(random) * half_turn / (4 * more));
      angles.push_back(angles.back() + steps.back());
    }
    double covered = angles.back() - angles.front() + (steps.front() + steps.back()) / 2;
    const ViewWeights found = view_weights(angles);
    EXPECT_NEAR(found.covered_rad, covered, 1e-9) << round;
    EXPECT_NEAR(found.weight_rad.front(), steps.front(), 1e-9) << round;
    EXPECT_NEAR(found.weight_rad.back(), steps.back(), 1e-9) << round;
  }
}

TEST(ViewWeights, OneDirectionStandsForTheHalfTurn) {
  const ViewWeights one = view_weights({0.3});
  EXPECT_EQ(one.weight_rad, std::vector<double>{half_turn});
  const ViewWeights twice = view_weights({0.3, 0.3 + half_turn});
  EXPECT_NEAR(twice.weight_rad[0], half_turn / 2, 1e-12);
  EXPECT_NEAR(twice.weight_rad[1], half_turn / 2, 1e-12);
}

}  // namespace
}  // namespace recon
