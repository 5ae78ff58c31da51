#include "recon/pipeline/compare/comparison_table.h"

#include <gtest/gtest.h>

namespace recon {
namespace {

ComparisonRow compared_row(const std::string& task, const std::string& item, const std::string& solver, double psnr,
                           const std::string& error = "", const std::string& status = "finished") {
  ComparisonRow row{task, {.id = item, .solver = solver, .status = status, .error = error}};
  if (std::isfinite(psnr)) row.result.figures["psnr"] = psnr;
  return row;
}

std::vector<ComparisonRow> some_rows() {
  return {compared_row("blur", "a", "tv", 20), compared_row("blur", "a", "dps", 22),
          compared_row("blur", "b", "tv", 24), compared_row("blur", "b", "dps", NAN, "no memory, no luck", "failed"),
          compared_row("blur", "b", "wiener", NAN, "no spectrum", "not_applicable")};
}

TEST(ComparisonTable, MeansAreOfWhatWasDone) {
  const auto rows = some_rows();
  const auto columns = known_figures(rows);
  ASSERT_EQ(columns.size(), 1U);
  const auto summary = summarized(rows, columns);
  ASSERT_EQ(summary.size(), 3U);
  EXPECT_EQ(summary[0].figures[0].mean, 22);
  EXPECT_DOUBLE_EQ(summary[0].figures[0].std, std::sqrt(8.0));
  EXPECT_EQ(summary[0].items(), "2 done");
  EXPECT_EQ(summary[1].figures[0].mean, 22) << "the item that failed is not averaged";
  EXPECT_TRUE(std::isnan(summary[1].figures[0].std));
  EXPECT_EQ(summary[1].items(), "1 done, 1 failed");
  EXPECT_EQ(summary[1].error, "no memory, no luck");
  EXPECT_EQ(summary[2].items(), "1 not applicable");
  EXPECT_EQ((MeanStd{.mean = 26.21, .std = 0.34}.to_string(1)), "26.2 ± 0.3");
  EXPECT_EQ((MeanStd{.mean = 26.21, .std = NAN}.to_string(1)), "26.2");
  EXPECT_EQ(MeanStd{}.to_string(1), "-");
}

TEST(ComparisonTable, CsvQuotesAndLeavesUnknownFiguresOut) {
  EXPECT_EQ(comparison_csv(some_rows()),
            "task,item,solver,psnr,status,note,error\r\n"
            "blur,a,tv,20,finished,,\r\n"
            "blur,a,dps,22,finished,,\r\n"
            "blur,b,tv,24,finished,,\r\n"
            "blur,b,dps,,failed,,\"no memory, no luck\"\r\n"
            "blur,b,wiener,,not_applicable,,no spectrum\r\n");
}

TEST(ComparisonTable, TextHasTasksOnlyWhereTheyHaveNames) {
  const std::string with = comparison_text(some_rows());
  EXPECT_NE(with.find("task  item  solver"), std::string::npos) << with;
  EXPECT_NE(with.find("mean and standard deviation over the items"), std::string::npos);
  EXPECT_NE(with.find("failed: no memory, no luck"), std::string::npos);
  const std::string without =
      result_text({{.id = "a", .solver = "tv", .figures = {{"psnr", 20.0}}, .status = "finished"}});
  EXPECT_EQ(without, "item  solver  PSNR/dB  status\na     tv        20.00  finished\n");
}

TEST(ComparisonTable, JsonHasNullForTheUnknown) {
  ComparisonResult result;
  result.rows = some_rows();
  result.budgets = {{.task = "blur", .solver = "dps", .steps = 6, .note = ""}, {"blur", "tv", 0, "no prior"}};
  result.files = {.report = "r.html", .csv = "r.csv", .json = "r.json"};
  const auto json = comparison_json(result);
  EXPECT_EQ(json["rows"][0]["psnr"], 20);
  EXPECT_TRUE(json["rows"][3]["psnr"].is_null());
  EXPECT_EQ(json["rows"][3]["error"], "no memory, no luck");
  EXPECT_EQ(json["summary"][1]["failed"], 1);
  EXPECT_EQ(json["summary"][0]["psnr"]["mean"], 22);
  EXPECT_TRUE(json["summary"][0]["ssim"]["mean"].is_null());
  EXPECT_EQ(json["budget"][0]["steps"], 6);
  EXPECT_TRUE(json["budget"][1]["steps"].is_null());
  EXPECT_EQ(json["csv"], "r.csv");
}

}  // namespace
}  // namespace recon
