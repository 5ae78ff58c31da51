// The table of figures: what it computes, where it is stored, and that every output and the document have it.
#include "recon/pipeline/solve/figures.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "operators/inpainting/inpainting.h"
#include "recon/pipeline/compare/comparison_table.h"
#include "recon/pipeline/solve/result_columns.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

const TensorSpec picture{{1, 12, 12}, ScalarKind::real};

PreparedItem item_with_truth(const at::Tensor& truth) {
  PreparedItem item;
  item.id = "a";
  item.op = make_inpainting(picture, at::ones({12, 12}), "all there");
  item.y = truth + 0.5;
  item.noise = item_noise({.type = NoiseType::gaussian, .std = {0.25}, .peak = 0}, 0, item.y);
  item.ground_truth = truth;
  item.range = {0, 2};
  return item;
}

ItemOutcome outcome_with(std::map<std::string, double> figures) {
  MethodResult result;
  result.x = at::ones({1, 2, 2});
  result.rows.push_back({.id = "a", .solver = "s", .figures = std::move(figures), .status = "finished"});
  return {.result = result};
}

const Figure& figure_of(const std::string& key) {
  for (const auto& figure : figures()) {
    if (figure.key == key) return figure;
  }
  throw internal_error("figures_test", "no figure {}", key);
}

TEST(Figures, AreWhatTheyAreDefinedToBe) {
  const at::Tensor truth = at::ones({1, 1, 12, 12});
  const PreparedItem item = item_with_truth(truth);
  const at::Tensor x = truth + 0.1;
  Report report;
  report.nfe_forward = {7};
  report.nfe_backward = {3};
  report.seconds = 1.5;
  report.peak_mib = 64;
  Uncertainty uncertainty;
  uncertainty.split = RangeNullSplit{.prior_part = {}, .prior_fraction = 0.25};
  uncertainty.calibration = Calibration{
      .independent = 4, .nominal = {0.5, 0.8, 0.9, 0.95}, .covered = {0.1, 0.2, 0.3, 0.4}, .crps = 0.07, .ranks = {}};
  const auto found = evaluated_figures(x, item, report, 4, &uncertainty, fit_of(x, item));
  EXPECT_NEAR(found.at("psnr"), 20 * std::log10(2 / 0.1), 1e-4);
  EXPECT_NEAR(found.at("nrmse"), 0.1, 1e-6);
  EXPECT_NEAR(found.at("chi2"), std::pow(0.4 / 0.25, 2), 1e-4);
  EXPECT_EQ(found.at("crps"), 0.07);
  EXPECT_EQ(found.at("coverage_50"), 0.1);
  EXPECT_EQ(found.at("coverage_90"), 0.3);
  EXPECT_EQ(found.at("prior_fraction"), 0.25);
  EXPECT_EQ(found.at("nfe_forward"), 28);
  EXPECT_EQ(found.at("nfe_backward"), 12);
  EXPECT_EQ(found.at("seconds"), 1.5);
  EXPECT_EQ(found.at("peak_mib"), 64);
  const auto single = evaluated_figures(x, item, report, 1, nullptr, fit_of(x, item));
  EXPECT_EQ(single.at("nfe_forward"), 7);
  for (const char* key : {"crps", "coverage_90", "prior_fraction"}) EXPECT_FALSE(single.contains(key)) << key;
  PreparedItem blind = item;
  blind.ground_truth = at::Tensor();
  const auto without = evaluated_figures(x, blind, report, 1, nullptr, fit_of(x, blind));
  for (const char* key : {"psnr", "ssim", "nrmse"}) EXPECT_FALSE(without.contains(key)) << key;
  EXPECT_TRUE(without.contains("chi2"));
}

TEST(Figures, AnItemThatLacksOneHasNaNInTheColumnsAndNobodysIsLeftOut) {
  ResultColumns columns("s", {{1, 2, 2}, ScalarKind::real}, {.device = "cpu"});
  columns.add(outcome_with({{"nfe_forward", 5}}));
  columns.add({.error = data_error("file", "is damaged")});
  columns.add(outcome_with({{"psnr", 21.5}, {"chi2", 1.25}, {"nfe_forward", 6}, {"seconds", 2}}));
  const SolverResults results = columns.results();
  ASSERT_EQ(results.metrics.size(), 1U) << "only PSNR is known";
  EXPECT_TRUE(std::isnan(results.metrics.at("psnr")[0]) && std::isnan(results.metrics.at("psnr")[1]));
  EXPECT_EQ(results.metrics.at("psnr")[2], 21.5);
  EXPECT_TRUE(std::isnan(results.chi2[1]));
  EXPECT_EQ(results.nfe_forward, (std::vector<std::int64_t>{5, 0, 6}));
  EXPECT_EQ(results.status, (std::vector<std::string>{"finished", "failed", "finished"}));
  EXPECT_EQ(results.error, (std::vector<std::string>{"", "file: is damaged", ""}));
  EXPECT_TRUE(results.reconstructions[1].isnan().all().item<bool>());
  EXPECT_TRUE(results.reconstructions[2].eq(1).all().item<bool>());
  EXPECT_FALSE(results.std.defined());
  EXPECT_EQ(stored_figure(figure_of("psnr"), results, 2), 21.5);
  EXPECT_EQ(stored_figure(figure_of("nfe_forward"), results, 2), 6);
  EXPECT_TRUE(std::isnan(stored_figure(figure_of("ssim"), results, 2)));
}

TEST(Figures, TracesOfDifferentLengthsShareTheLongestSteps) {
  ResultColumns columns("s", {{1, 2, 2}, ScalarKind::real}, {});
  for (const std::int64_t steps : {1, 3}) {
    ItemOutcome outcome = outcome_with({});
    for (std::int64_t k = 1; k <= steps; ++k) {
      outcome.result->report.trace.push_back(
          {.step = k, .relative_sigma = 0.5, .chi2 = {static_cast<double>(k), 3 * static_cast<double>(k)}});
    }
    columns.add(outcome);
  }
  const SolverResults results = columns.results();
  EXPECT_TRUE(at::equal(results.trace.at("step"), at::tensor({1.0, 2.0, 3.0}, at::kDouble)));
  const at::Tensor chi2 = results.trace.at("chi2");
  EXPECT_EQ(chi2[0][0].item<double>(), 2) << "the mean of the entries";
  EXPECT_TRUE(chi2[0].slice(0, 1).isnan().all().item<bool>());
  EXPECT_EQ(chi2[1][2].item<double>(), 6);
  EXPECT_TRUE(results.device.empty() && results.error.empty());
}

TEST(Figures, EveryOutputHasThem) {
  ResultRow row{.id = "a", .solver = "s"};
  for (const auto& figure : figures()) row.figures[figure.key] = 0.5;
  row.figures["nfe_forward"] = 12;
  nlohmann::ordered_json object;
  add_figures(object, row);
  EXPECT_EQ(object.size(), figures().size());
  EXPECT_TRUE(object["nfe_forward"].is_number_integer());
  const std::string csv = comparison_csv({{"task", row}}), text = result_text({row});
  for (const auto& figure : figures()) {
    EXPECT_NE(csv.find("," + figure.key + ","), std::string::npos) << figure.key;
    EXPECT_EQ(text.find(figure.heading()) != std::string::npos, figure.in_tables) << figure.key;
    EXPECT_LE(figure.explanation.size(), 120U) << figure.key;
  }
  row.figures.erase("psnr");
  EXPECT_EQ(comparison_csv({{"task", row}}).find(",psnr,"), std::string::npos) << "nobody knows it";
  add_figures(object, row);
  EXPECT_TRUE(object["psnr"].is_null());
}

TEST(Figures, TheDocumentOfFileFormatsHasThemAll) {
  std::ifstream file(test::source_path("data/FORMAT.md"));
  std::stringstream text;
  text << file.rdbuf();
  const std::string page = text.str();
  std::size_t rows = 0;
  for (std::string line; std::getline(text, line);) rows += line.starts_with("| `/metrics/") ? 1U : 0U;
  std::size_t metrics = 0;
  for (const auto& figure : figures()) {
    if (figure.key == "test_only") continue;
    const char* best = figure.best == Figure::Best::none ? " " : figure.best == Figure::Best::high ? " high " : " low ";
    const std::string row =
        fmt::format("| `{}` | {} |{}| {} |\n", figure.dataset(), figure.heading(), best, figure.explanation);
    EXPECT_NE(page.find(row), std::string::npos) << "data/FORMAT.md lacks " << row;
    metrics += figure.dataset().starts_with("/metrics/") ? 1U : 0U;
  }
  EXPECT_EQ(rows, metrics + 1) << "one for each metric, and the line that refers to them";
}

TEST(Figures, ANewOneIsOneEntry) {
  const std::size_t before = figures().size();
  Figure sum{.key = "test_only",
             .title = "sum",
             .unit = "",
             .explanation = "Sum of the image",
             .value = [](const FigureSource& source) { return source.x.sum().item<double>(); }};
  for (const char* wrong : {"", "psnr", "no blanks", "Upper"}) {
    Figure bad = sum;
    bad.key = wrong;
    EXPECT_THROW(register_figure(bad), Error) << wrong;
  }
  Figure empty = sum;
  empty.value = nullptr;
  EXPECT_THROW(register_figure(empty), Error);
  register_figure(sum);
  ASSERT_EQ(figures().size(), before + 1);
  const at::Tensor truth = at::ones({1, 1, 12, 12});
  const auto found = evaluated_figures(truth, item_with_truth(truth), {}, 1, nullptr, {});
  EXPECT_EQ(found.at("test_only"), 144);
  ResultColumns columns("s", {{1, 2, 2}, ScalarKind::real}, {});
  columns.add(outcome_with(found));
  EXPECT_EQ(columns.results().metrics.at("test_only"), std::vector<double>{144});
  EXPECT_NE(comparison_csv({{"t", {.id = "a", .solver = "s", .figures = found}}}).find("test_only"), std::string::npos);
}

}  // namespace
}  // namespace recon
