#include "recon/metrics/student.h"

#include <gtest/gtest.h>

#include "recon/core/error.h"

namespace recon {
namespace {

TEST(Student, QuantilesOfTheTables) {
  // Two-sided; from any table of the t distribution, to the digits given there.
  EXPECT_NEAR(student_quantile(0.95, 1), 12.706, 6e-4);
  EXPECT_NEAR(student_quantile(0.95, 2), 4.303, 6e-4);
  EXPECT_NEAR(student_quantile(0.95, 3), 3.182, 6e-4);
  EXPECT_NEAR(student_quantile(0.9, 4), 2.132, 6e-4);
  EXPECT_NEAR(student_quantile(0.5, 15), 0.691, 6e-4);
  EXPECT_NEAR(student_quantile(0.99, 30), 2.750, 6e-4);
  // Between whole numbers: scipy.stats.t.ppf((1 + level) / 2, degrees) of SciPy 1.17.1.
  EXPECT_NEAR(student_quantile(0.9, 8.0 / 3), 2.4782720, 1e-5);
  EXPECT_NEAR(student_quantile(0.95, 1.5), 6.0166631, 1e-3);
  EXPECT_THROW(student_quantile(1, 3), Error);
  EXPECT_THROW(student_quantile(0.9, 0.5), Error);
}

}  // namespace
}  // namespace recon
