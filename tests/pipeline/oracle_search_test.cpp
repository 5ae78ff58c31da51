#include "recon/pipeline/compare/oracle_search.h"

#include <gtest/gtest.h>

#include <cmath>

namespace recon {
namespace {

TEST(OracleSearch, FindsThePeakToEightPercent) {
  for (const double peak : {1e-6, 3.7e-5, 0.02, 0.9, 100.0}) {
    int evaluations = 0;
    const auto score = [&](double weight) {
      ++evaluations;
      return -std::abs(std::log(weight / peak));
    };
    const double found = best_number(score, 1e-6, 100);
    EXPECT_NEAR(std::log(found / peak), 0, 0.08) << peak;
    EXPECT_LE(evaluations, 21);
  }
}

/// Huge weights all give the same flat image; a diverged solve has no score.
TEST(OracleSearch, PlateausAndMissingScores) {
  const auto score = [](double weight) {
    if (weight < 1e-4) return static_cast<double>(NAN);
    return weight > 1 ? 5.0 : 30 - std::abs(std::log10(weight) + 2);
  };
  EXPECT_NEAR(best_number(score, 1e-6, 100), 1e-2, 1e-3);
}

}  // namespace
}  // namespace recon
