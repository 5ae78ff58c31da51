// Candidates for the same data, ranked by what was held out.
#include "recon/pipeline/compare/held_out_ranking.h"

#include <gtest/gtest.h>

namespace recon {
namespace {

ComparisonRow scored(const std::string& task, const std::string& item, double score) {
  ComparisonRow row{.task = task, .result = {.id = item, .solver = "dps"}};
  row.result.figures["held_out_score"] = score;
  return row;
}

TEST(HeldOutRanking, ComparesTheSameItemsOfTheSameData) {
  std::vector<ComparisonRow> rows = {scored("narrow", "0", 1.0), scored("narrow", "1", 2.0), scored("wide", "0", 1.5),
                                     scored("wide", "1", 3.5),   scored("wide", "2", 9.0),   scored("other", "0", 7.0)};
  rows.push_back({.task = "wide", .result = {.id = "0", .solver = "tv"}});  // no score
  const auto rankings = held_out_rankings(rows, {{"narrow", "a"}, {"wide", "a"}, {"other", "b"}});
  ASSERT_EQ(rankings.size(), 1U);
  const auto& candidates = rankings.front().candidates;
  ASSERT_EQ(candidates.size(), 2U);
  EXPECT_EQ(candidates[0].task, "wide");
  EXPECT_DOUBLE_EQ(candidates[0].score, 2.5);
  EXPECT_EQ(candidates[0].behind, 0);
  // Behind by .5 and 1.5: mean 1, standard error sqrt(.5 / 2).
  EXPECT_DOUBLE_EQ(candidates[1].behind, 1);
  EXPECT_DOUBLE_EQ(candidates[1].behind_error, 0.5);
  EXPECT_NE(ranking_text(rankings).find("1.0000 ± 0.5000"), std::string::npos);
  EXPECT_EQ(ranking_json(rankings)[0]["candidates"][1]["behind"], 1.0);
  EXPECT_TRUE(held_out_rankings(rows, {}).empty());
}

}  // namespace
}  // namespace recon
