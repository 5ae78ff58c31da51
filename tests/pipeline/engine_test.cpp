// The one loop of run, compare and batch: who fails alone, who goes together, who is told.
#include "recon/pipeline/solve/engine.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <new>

#include "data/measurement_file.h"
#include "recon/solvers/context.h"

namespace recon {
namespace {

/// y + 1; refuses a batch that has a value above the limit, and counts what it was given.
class Cautious final : public Solver {
 public:
  void visit(ParameterVisitor&) override {}
  at::Tensor run(SolverContext& context) const override {
    const Problem& problem = context.problem();
    calls.push_back(problem.batch());
    if (problem.batch() > most) throw std::bad_alloc();
    if (problem.y.max().item<double>() > limit) {
      if (takes_memory) throw std::bad_alloc();
      throw Error(kind, "solver", "this is too bright");
    }
    return problem.y + 1;
  }

  ErrorKind kind = ErrorKind::data;
  double limit = 1e9;
  bool takes_memory = false;  ///< what is too bright does not fit into memory
  std::int64_t most = 1000;   ///< entries that fit into memory together
  mutable std::vector<std::int64_t> calls;
};

class Recorder final : public ResultSink {
 public:
  bool solved(const ItemGroup&, std::size_t method, const std::vector<ItemOutcome>& outcomes) override {
    heard.push_back(method);
    return keep_going || outcomes.front().result.has_value();
  }
  void done(const ItemGroup& group, std::vector<std::vector<ItemOutcome>> outcomes) override {
    ids.insert(ids.end(), group.ids.begin(), group.ids.end());
    all.push_back(std::move(outcomes));
  }
  bool keep_going = true;
  std::vector<std::size_t> heard;
  std::vector<std::string> ids;
  std::vector<std::vector<std::vector<ItemOutcome>>> all;
};

class EngineTest : public ::testing::Test {
 protected:
  /// Items of the constant images 0, 1, 2, ...
  ItemSource source_of(std::int64_t count, std::int64_t damaged = -1) {
    MeasurementSet set;
    set.header.image = {{1, 4, 4}, ScalarKind::real};
    set.header.operator_config = "type: identity\n";
    set.y = at::arange(count, at::kFloat).reshape({count, 1, 1, 1}).expand({count, 1, 4, 4}).contiguous();
    for (std::int64_t i = 0; i < count; ++i) set.ids.push_back(std::to_string(i));
    ItemReader reader{
        .name = "test",
        .header = set.header,
        .ids = set.ids,
        .measurement = spec_of_item(set.y),
        .read = [set, damaged](std::int64_t index) {
          if (index == damaged) throw data_error("test", "item {} is damaged", index);
          return MeasurementItem{
              .id = std::to_string(index), .y = set.y[index], .ground_truth = {}, .arrays = {}, .noise_std = 0};
        }};
    return {reader, {}};
  }
  Method method() const { return {.runner = ItemRunner({"cautious", solver_}, nullptr, ComplexImage::none, "")}; }

  std::shared_ptr<Cautious> solver_ = std::make_shared<Cautious>();
  RunControls controls_;
};

TEST_F(EngineTest, SingleItemsGoThroughEveryMethodInOrder) {
  ItemSource source = source_of(3);
  SingleItems items(source, {2, 0}, c10::kCPU);
  Recorder sink;
  Engine({}, controls_).run(items, {method(), method()}, sink);
  EXPECT_EQ(sink.ids, (std::vector<std::string>{"2", "0"}));
  EXPECT_EQ(sink.heard, (std::vector<std::size_t>{0, 1, 0, 1}));
  EXPECT_EQ(sink.all[0][1][0].result->rows.front().id, "2");
}

TEST_F(EngineTest, BadDataFailAloneAndTheSinkMaySpareTheOtherMethods) {
  ItemSource source = source_of(3, 1);
  SingleItems items(source, {0, 1, 2}, c10::kCPU);
  Recorder sink;
  sink.keep_going = false;
  Engine({}, controls_).run(items, {method(), method()}, sink);
  ASSERT_EQ(sink.all.size(), 3U);
  EXPECT_EQ(sink.all[1].size(), 1U) << "nobody needs the second method";
  EXPECT_NE(std::string(sink.all[1][0][0].error->what()).find("item 1 is damaged"), std::string::npos);
  EXPECT_TRUE(sink.all[2][1][0].result.has_value());
}

TEST_F(EngineTest, AGroupIsSolvedTogetherAndOneByOneWhenItIsRefused) {
  ItemSource source = source_of(4, 2);
  ItemGroup group;
  for (std::int64_t i = 0; i < 4; ++i) group.read(source, i, c10::kCPU);
  const auto together = Engine({}, controls_).solve(group, method());
  EXPECT_EQ(solver_->calls, (std::vector<std::int64_t>{3})) << "all but the damaged one at once";
  EXPECT_TRUE(together[0].result && together[1].result && together[3].result);
  EXPECT_TRUE(together[2].error.has_value());
  solver_->calls.clear();
  solver_->limit = together[3].result->report.x.max().item<double>() - 1.01;
  const auto apart = Engine({}, controls_).solve(group, method());
  EXPECT_EQ(solver_->calls, (std::vector<std::int64_t>{3, 1, 1, 1}));
  EXPECT_TRUE(apart[1].result.has_value());
  EXPECT_NE(std::string(apart[3].error->what()).find("too bright"), std::string::npos);
  EXPECT_TRUE(at::equal(apart[1].result->x, together[1].result->x));
}

TEST_F(EngineTest, AnItemThatDoesNotFitIntoMemoryFailsAlone) {
  ItemSource source = source_of(4);
  ItemGroup group;
  for (std::int64_t i = 0; i < 4; ++i) group.read(source, i, c10::kCPU);
  const auto before = Engine({}, controls_).solve(group, method());
  solver_->calls.clear();
  solver_->takes_memory = true;
  solver_->limit = before[3].result->report.x.max().item<double>() - 1.01;
  const auto outcomes = Engine({}, controls_).solve(group, method());
  EXPECT_EQ(std::vector<std::int64_t>(solver_->calls.begin(), solver_->calls.begin() + 5),
            (std::vector<std::int64_t>{4, 2, 2, 1, 1}));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(at::equal(outcomes[i].result->x, before[i].result->x));
  ASSERT_TRUE(outcomes[3].error.has_value());
  EXPECT_EQ(outcomes[3].error->kind(), ErrorKind::internal);
  EXPECT_NE(std::string(outcomes[3].error->what()).find("does not fit even alone"), std::string::npos);
}

// What was found out of one group holds for the next.
TEST_F(EngineTest, AGroupIsNoLargerThanWhatFittedBefore) {
  ItemSource source = source_of(4);
  ItemGroup group;
  for (std::int64_t i = 0; i < 4; ++i) group.read(source, i, c10::kCPU);
  Engine engine({}, controls_);
  const Method cautious = method();
  solver_->most = 2;
  const auto first = engine.solve(group, cautious);
  EXPECT_EQ(solver_->calls, (std::vector<std::int64_t>{4, 2, 2}));
  solver_->calls.clear();
  engine.solve(group, cautious);
  EXPECT_EQ(solver_->calls, (std::vector<std::int64_t>{2, 2}));
}

TEST_F(EngineTest, FaultsOfTheConfigAreThrownUnlessEverythingIsContained) {
  ItemSource source = source_of(1);
  ItemGroup group;
  group.read(source, 0, c10::kCPU);
  solver_->kind = ErrorKind::usage;
  solver_->limit = -1e9;
  EXPECT_THROW(Engine({}, controls_).solve(group, method()), Error);
  const auto kept = Engine({.contained = EngineOptions::Contained::everything}, controls_).solve(group, method());
  EXPECT_NE(std::string(kept[0].error->what()).find("too bright"), std::string::npos);
}

TEST_F(EngineTest, CancellationStopsBetweenMethodsUnlessGroupsAreFinished) {
  for (const bool finish : {false, true}) {
    CancellationToken token;
    token.cancel();
    controls_.cancellation = &token;
    ItemSource source = source_of(2);
    SingleItems items(source, {0, 1}, c10::kCPU);
    Recorder sink;
    Engine({.finish_groups = finish}, controls_).run(items, {method()}, sink);
    EXPECT_EQ(sink.ids.size(), finish ? 2U : 0U) << "with whole groups, the source of groups is the one who stops";
  }
}

TEST_F(EngineTest, AMethodThatIsTunedSeesItsItemFirst) {
  ItemSource source = source_of(2);
  ItemGroup group;
  for (std::int64_t i = 0; i < 2; ++i) group.read(source, i, c10::kCPU);
  Method tuned = method();
  tuned.tune = [](const PreparedItem& item) { return "for " + item.id; };
  const auto outcomes = Engine({}, controls_).solve(group, tuned);
  EXPECT_EQ(outcomes[0].note, "for 0");
  EXPECT_EQ(outcomes[1].note, "for 1");
  EXPECT_EQ(solver_->calls, (std::vector<std::int64_t>{1, 1})) << "one setting serves one item";
}

/// y + half of where the item before ended.
class Following final : public Solver {
 public:
  void visit(ParameterVisitor&) override {}
  at::Tensor run(SolverContext& context) const override {
    const Problem& problem = context.problem();
    in_series.push_back(problem.previous.has_value());
    const bool first = !problem.previous || !problem.previous->defined();
    return first ? problem.y : problem.y + *problem.previous / 2;
  }
  mutable std::vector<bool> in_series;
};

// Of single items and of a group alike: items 1 to 3 and 4 on are series; 2 is damaged, 3 goes on from 1.
TEST_F(EngineTest, ItemsOfASeriesBeginWhereTheLastOneEnded) {
  const auto following = std::make_shared<Following>();
  const auto ends = [](const std::vector<ItemOutcome>& outcomes) {
    std::vector<double> values;
    for (const auto& outcome : outcomes) {
      values.push_back(outcome.result ? outcome.result->report.x[0][0][0][0].item<double>() : -1);
    }
    return values;
  };
  for (const bool in_series : {true, false}) {
    const Method method{.runner = ItemRunner({"following", following}, nullptr, ComplexImage::none, ""),
                        .in_series = in_series};
    ItemSource source = source_of(6, 2);
    SingleItems items(source, {1, 2, 3, 4, 5}, c10::kCPU, 3);
    Recorder sink;
    Engine({}, controls_).run(items, {method}, sink);
    std::vector<double> alone;
    for (const auto& outcomes : sink.all) alone.push_back(ends(outcomes[0])[0]);
    ItemGroup group;
    for (std::int64_t i = 1; i < 4; ++i) group.read(source, i, c10::kCPU);
    const std::vector<double> together = ends(Engine({}, controls_).solve(group, method));
    // The images are mapped to [0, 2]: y is twice the item's number.
    const double third = in_series ? 6 + 1 : 6, fifth = in_series ? 10 + 4 : 10;
    EXPECT_EQ(alone, (std::vector<double>{2, -1, third, 8, fifth}));
    EXPECT_EQ(together, (std::vector<double>{2, -1, third}));
    for (const bool in : following->in_series) EXPECT_EQ(in, in_series);
    following->in_series.clear();
  }
}

// Items whose ranges were found in their data have units of their own.
TEST_F(EngineTest, TheImageBeforeComesInTheUnitsOfTheItem) {
  const Method method{
      .runner = ItemRunner({"following", std::make_shared<Following>()}, nullptr, ComplexImage::none, ""),
      .in_series = true};
  ItemSource source = source_of(4);
  ItemGroup group;
  for (std::int64_t i = 2; i < 4; ++i) group.read(source, i, c10::kCPU);
  group.items[1]->range = {-1, 3};  // solver's 0 is -1 and its unit 2; the first has 0 and 1/2
  const auto outcomes = Engine({}, controls_).solve(group, method);
  // The first ends at 4, which is 2 in the file's units; in the second's 1.5, beside its own y = (3 + 1) / 2.
  EXPECT_EQ(outcomes[0].result->x[0][0][0].item<double>(), 2);
  EXPECT_EQ(outcomes[1].result->report.x[0][0][0][0].item<double>(), 2 + 1.5 / 2);
}

}  // namespace
}  // namespace recon
