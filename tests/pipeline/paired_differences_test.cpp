// Solvers against the best classical one on the same items, and what their figures cost.
#include "recon/pipeline/compare/paired_differences.h"

#include <gtest/gtest.h>

#include "recon/pipeline/compare/quality_curves.h"

namespace recon {
namespace {

ComparisonRow judged(const std::string& item, const std::string& solver, double psnr, double passes = 0) {
  ComparisonRow row{.task = "blur", .result = {.id = item, .solver = solver}};
  row.result.figures = {{"psnr", psnr}, {"nfe_forward", passes}, {"nfe_backward", passes}, {"seconds", 1 + passes}};
  return row;
}

ComparisonResult three_items() {
  ComparisonResult result;
  result.solvers = {{"tv", {.type = "tv_pdhg"}},
                    {"wavelet", {.type = "wavelet_fista"}},
                    {"tv_oracle", {.type = "tv_pdhg", .knows_truth = true}},
                    {"dps", {.type = "dps", .needs_prior = true}}};
  const double tv[] = {20, 25, 30}, dps[] = {21, 27, 33};
  for (int i = 0; i < 3; ++i) {
    const std::string item = std::to_string(i);
    result.rows.push_back(judged(item, "tv", tv[i]));
    result.rows.push_back(judged(item, "tv_oracle", tv[i] + 9));
    result.rows.push_back(judged(item, "dps", dps[i], 50));
    result.rows.push_back(judged(item, "dps_sample", 5, 50));
  }
  result.rows.push_back(judged("0", "wavelet", 99));
  return result;
}

TEST(PairedDifferences, AreOfTheSameItems) {
  const auto comparisons = against_best_classical(three_items());
  ASSERT_EQ(comparisons.size(), 1U);
  EXPECT_EQ(comparisons[0].classical, "tv") << "not the one that is told the truth, nor the one that did one item";
  ASSERT_EQ(comparisons[0].differences.size(), 3U) << "single samples are left out";
  const PairedDifference& dps = comparisons[0].differences[1];
  EXPECT_EQ(dps.solver, "dps");
  EXPECT_EQ(dps.items, 3);
  EXPECT_DOUBLE_EQ(dps.mean, 2);
  // Differences 1, 2 and 3: standard deviation 1; Student's t of two degrees of freedom is 4.3027 (tables).
  EXPECT_NEAR(dps.half_width, 4.3027 / std::sqrt(3.0), 1e-4);
  const std::string text = paired_text(comparisons);
  EXPECT_NE(text.find("+2.00"), std::string::npos) << text;
  EXPECT_NE(text.find("-0.48 to +4.48"), std::string::npos) << text;
  const PairedDifference& wavelet = comparisons[0].differences[2];
  EXPECT_EQ(wavelet.items, 1);
  EXPECT_TRUE(std::isnan(wavelet.half_width));
  EXPECT_TRUE(paired_json(comparisons)[0]["differences"][2]["half_width"].is_null());
}

TEST(PairedDifferences, NeedAClassicalSolverAndSeveralItems) {
  ComparisonResult result = three_items();
  result.solvers["tv"].needs_prior = result.solvers["wavelet"].needs_prior = true;
  EXPECT_TRUE(against_best_classical(result).empty());
  ComparisonResult single = three_items();
  std::erase_if(single.rows, [](const ComparisonRow& row) { return row.result.id != "0"; });
  EXPECT_TRUE(against_best_classical(single).empty());
  EXPECT_EQ(paired_text({}), "");
}

TEST(QualityCurves, HaveAPointForEachSettingOfAType) {
  ComparisonResult result = three_items();
  EXPECT_TRUE(quality_plots(result).empty()) << "the second total variation is told the truth";
  result.solvers["dps_2"] = {.type = "dps", .needs_prior = true};
  for (int i = 0; i < 3; ++i) result.rows.push_back(judged(std::to_string(i), "dps_2", 24 + i, 10));
  const auto plots = quality_plots(result);
  ASSERT_EQ(plots.size(), 2U) << "nobody knows a CRPS";
  EXPECT_EQ(plots[0].cost, "passes");
  ASSERT_EQ(plots[0].curves.size(), 1U) << "solvers without a prior cost no passes";
  EXPECT_EQ(plots[0].curves[0].label, "dps");
  EXPECT_EQ(plots[0].curves[0].x, (std::vector<double>{20, 100}));
  EXPECT_EQ(plots[0].curves[0].y, (std::vector<double>{25, 27}));
  ASSERT_EQ(plots[1].curves.size(), 2U) << "the wavelets did one item only";
  EXPECT_EQ(plots[1].curves[0].label, "dps") << "as in the plot before: the same colour";
  EXPECT_EQ(plots[1].curves[1].label, "tv_pdhg");
  EXPECT_NE(svg_of(plots[0]).find("<svg"), std::string::npos);
}

}  // namespace
}  // namespace recon
