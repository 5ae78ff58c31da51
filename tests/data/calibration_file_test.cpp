#include "data/calibration_file.h"

#include <cmath>

#include "data/result_file.h"
#include "tests/data/data_support.h"

namespace recon {
namespace {

using namespace testing_data;

class CalibrationFile : public DataTest {};

CalibrationSet some_calibration() {
  CalibrationSet set;
  set.made_for = {{"operator", "type: blur, std_px: 2"}, {"solver", "type: dps"}};
  set.noise_low = 0.01;
  set.noise_high = 0.02;
  set.miss = 0.1;
  set.confidence = 0.95;
  set.interval_factor = NAN;
  set.std_scale = 1.2;
  set.margins = {{"psnr", 1.5}, {"ssim", 0.1}};
  set.ids = {"a", "b", "c"};
  set.figures = {{"psnr", {20, 30, 25}}, {"nearer", {0, 0.5, 1}}};
  set.factors = {0.5, 1};
  set.misses = at::tensor({0.5, 0.1, 0.6, 0.2, 0.7, 0.3}, at::kDouble).view({3, 2});
  set.ranks = at::full({3, 5}, 0.2, at::kDouble);
  set.config = "samples: 4\n";
  set.seed = 18446744073709551615ULL;
  set.versions = {{"recon", "0"}};
  return set;
}

TEST_F(CalibrationFile, ComesBackAsItWas) {
  const CalibrationSet set = some_calibration();
  write_calibration_file(path("c.h5"), set);
  const CalibrationSet got = read_calibration_file(path("c.h5"));
  EXPECT_EQ(got.made_for, set.made_for);
  EXPECT_EQ(got.noise_low, set.noise_low);
  EXPECT_EQ(got.noise_high, set.noise_high);
  EXPECT_EQ(got.miss, set.miss);
  EXPECT_EQ(got.confidence, set.confidence);
  EXPECT_TRUE(std::isnan(got.interval_factor));
  EXPECT_EQ(got.std_scale, set.std_scale);
  EXPECT_EQ(got.margins, set.margins);
  EXPECT_EQ(got.ids, set.ids);
  EXPECT_EQ(got.figures, set.figures);
  EXPECT_EQ(got.factors, set.factors);
  EXPECT_TRUE(at::equal(got.misses, set.misses));
  EXPECT_TRUE(at::equal(got.ranks, set.ranks));
  EXPECT_EQ(got.config, set.config);
  EXPECT_EQ(got.seed, set.seed);
  EXPECT_EQ(got.versions, set.versions);
  EXPECT_EQ(hdf5_format(path("c.h5")), "recon-calibration");
}

TEST_F(CalibrationFile, RefusesOtherShapesAndLevels) {
  CalibrationSet set = some_calibration();
  set.factors = {0.5};
  write_calibration_file(path("factors.h5"), set);
  EXPECT_THROW(read_calibration_file(path("factors.h5")), Error);
  set = some_calibration();
  set.ranks = set.ranks.narrow(0, 0, 2);
  write_calibration_file(path("ranks.h5"), set);
  EXPECT_THROW(read_calibration_file(path("ranks.h5")), Error);
  set = some_calibration();
  set.miss = 1.5;
  write_calibration_file(path("miss.h5"), set);
  EXPECT_THROW(read_calibration_file(path("miss.h5")), Error);
}

}  // namespace
}  // namespace recon
