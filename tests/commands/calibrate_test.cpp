// recon calibrate, and what run, batch and compare make of its file.
#include <numeric>

#include "data/calibration_file.h"
#include "data/measurement_file.h"
#include "data/result_file.h"
#include "recon/core/rng.h"
#include "recon/metrics/risk_control.h"
#include "tests/commands/program.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

using nlohmann::json;

constexpr std::int64_t side = 16;

/// Smooth random pictures, blurred.
MeasurementSet blurred(std::int64_t count, std::uint64_t seed, double noise_std = 0.05) {
  MeasurementSet set;
  set.header.image = {{1, side, side}, ScalarKind::real};
  set.header.operator_config = "type: blur\nstd_px: 1\n";
  set.header.noise = {.type = NoiseType::gaussian, .std = {noise_std}, .peak = 0};
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < count; ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
  const Rng rng(seed, "calibrate test");
  const at::Tensor white = rng.normal(keys, 0, set.header.image, at::kFloat);
  const auto blur = build_operator(R"({"type": "blur", "std_px": 1})", set.header.image);
  set.ground_truth = 0.5 + 0.5 * blur->apply(blur->apply(white));
  set.y = blur->apply(set.ground_truth) + noise_std * rng.normal(keys, 1, set.header.image, at::kFloat);
  return set;
}

class Calibrate : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    write_measurement_file(path("known.h5").string(), blurred(34, 1));
    MeasurementSet unknown = blurred(3, 2);
    unknown.ground_truth = at::Tensor();
    write_measurement_file(path("unknown.h5").string(), unknown);
    write("solver.yaml", "input: known.h5\nsolver: {type: dps, steps: 2, solves: 0}\nsamples: 2\noutput: c.h5\n");
  }
  /// The same solver on something.
  static std::string use(const std::string& input, int samples = 2) {
    return "run " + input + " --threads 1 --samples " + std::to_string(samples) +
           " --solver '{type: dps, steps: 2, solves: 0}' --allow-misfit --force "
           "--set calibration=./c.h5 -o r.h5";
  }
};

TEST_F(Calibrate, PromisesWhatItsFileSays) {
  const Outputs made = recon("calibrate solver.yaml --threads 1 --json --set plot=c.svg");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const json found = made.json();
  EXPECT_EQ(found["images"], 34);
  EXPECT_GT(found["interval_factor"], 0);
  EXPECT_TRUE(contains(file_content(path("c.svg")), "<svg"));
  const CalibrationSet set = read_calibration_file(path("c.h5").string());
  EXPECT_EQ(set.made_for.at("samples"), "2");
  EXPECT_EQ(set.noise_low, set.noise_high);
  // Its factor is that of its curves.
  std::vector<std::vector<double>> curves;
  for (std::int64_t i = 0; i < 34; ++i) {
    const double* row = set.misses.const_data_ptr<double>() + i * set.misses.size(1);
    curves.emplace_back(row, row + set.misses.size(1));
  }
  EXPECT_EQ(controlled_factor(curves, 0.1, 0.95)->factor, set.interval_factor);
  EXPECT_TRUE(contains(recon("inspect c.h5").out, "made_for"));
  // Data without truth: bounds and factor, in the summary and in the result file.
  const Outputs run = recon(use("unknown.h5") + " --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  for (const char* key : {"interval_factor", "psnr_bound", "ssim_bound", "nrmse_bound"}) {
    EXPECT_TRUE(run.json()["items"][0][key].is_number()) << key;
  }
  EXPECT_TRUE(run.json()["items"][0]["psnr"].is_null());
  const ResultSet result = read_result_file(path("r.h5").string());
  EXPECT_EQ(result.main.metrics.at("interval_factor").front(), set.interval_factor);
  EXPECT_EQ(result.main.metrics.at("std_scale").front(), set.std_scale);
  // On the images that it was made of the widened intervals cover what was asked for, to the 2 % between two factors.
  ASSERT_EQ(recon(use("known.h5")).exit_code, 0);
  const ResultSet known = read_result_file(path("r.h5").string());
  const std::vector<double>& covered = known.main.metrics.at("coverage_calibrated");
  EXPECT_NEAR(std::reduce(covered.begin(), covered.end()) / 34, 0.905, 0.01);
  EXPECT_NE(known.main.metrics.at("coverage_90"), covered);
  // A batch says the same, and begins anew when the calibration is another one.
  write("batch.yaml",
        "input: unknown.h5\nsolver: {type: dps, steps: 2, solves: 0}\nsamples: 2\ncalibration: c.h5\n"
        "output: {path: b.h5}\nbatch: {size: 1}\n");
  const Outputs batch = recon("batch batch.yaml --threads 1 --allow-misfit");
  ASSERT_EQ(batch.exit_code, 0) << batch.err;
  EXPECT_EQ(read_result_file(path("b.h5").string()).main.metrics.at("psnr_bound"),
            result.main.metrics.at("psnr_bound"));
  ASSERT_EQ(recon("calibrate solver.yaml --threads 1 --force --set miss=0.2").exit_code, 0);
  const Outputs again = recon("batch batch.yaml --threads 1 --allow-misfit");
  EXPECT_NE(again.exit_code, 0);
  EXPECT_TRUE(contains(again.error(), "calibration")) << again.err;
}

TEST_F(Calibrate, OtherConditionsAreRefusedByName) {
  ASSERT_EQ(recon("calibrate solver.yaml --threads 1").exit_code, 0);
  const std::string same = use("unknown.h5");
  expect_error(use("unknown.h5", 4), 2, {"c.h5", "samples: made for 2, here 4"});
  expect_error(same + " --steps 4", 2, {"solver.steps: made for 2, here 4"});
  expect_error(same + " --prior brain_mri", 2, {"prior: made for sha256"});
  expect_error(same + " --precision bfloat16", 2, {"precision: made for float32, here bfloat16"});
  MeasurementSet other = blurred(2, 3);
  other.header.operator_config = "type: blur\nstd_px: 1.2\n";
  write_measurement_file(path("other.h5").string(), other);
  expect_error(use("other.h5"), 2, {"operator: made for", "std_px: 1,", "std_px: 1.2"});
  write_measurement_file(path("noisy.h5").string(), blurred(2, 3, 0.06));
  expect_error(use("noisy.h5"), 3, {"noise levels of 0.05 to 0.05, this item has 0.06"});
  expect_error("run unknown.h5 --set calibration=./known.h5 --force", 3, {"known.h5", "recon-calibration"});
  // In a comparison it is a row with its reason, and the others go on.
  write("compare.yaml",
        "input: unknown.h5\nitems: ['0']\nsolvers:\n"
        "  - {type: dps, steps: 2, solves: 0, samples: 2, calibration: c.h5}\n"
        "  - {type: dps, steps: 3, solves: 0, samples: 2, calibration: c.h5}\noutput: compared\n");
  const Outputs compared = recon("compare compare.yaml --threads 1 --json --allow-misfit");
  EXPECT_EQ(compared.exit_code, 1) << compared.err;
  EXPECT_TRUE(compared.json()["rows"][0]["psnr_bound"].is_number()) << compared.out;
  EXPECT_TRUE(contains(compared.out, "this calibration promises nothing here"));
}

TEST_F(Calibrate, MistakesAreSaid) {
  const std::string all = "calibrate solver.yaml --threads 1 ";
  expect_error(all + "--items 0-4", 2, {"5 images promise nothing", "take 9", "intervals 32"});
  expect_error(all + "--samples 1", 2, {"samples", "2 or more"});
  expect_error(all + "--solver tv_pdhg", 2, {"tv_pdhg draws no samples"});
  expect_error(all + "--set input=unknown.h5 --set miss=0.3", 3, {"has no ground truth"});
  const Outputs few = recon(all + "--items 0-14");
  EXPECT_EQ(few.exit_code, 0) << few.err;
  EXPECT_TRUE(contains(few.err, "15 images show no interval")) << few.err;
  EXPECT_TRUE(contains(few.out, "psnr: the samples' own bound less")) << few.out;
  expect_error(all, 2, {"c.h5", "--force"});
}

}  // namespace
}  // namespace recon
