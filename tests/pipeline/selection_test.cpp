// Best of N: several runs, the one kept that fits the measurement best, with no look at the truth.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/identity.h"
#include "recon/pipeline/solve/item_runner.h"
#include "recon/solvers/context.h"

namespace recon {
namespace {

/// Four "samples" of the constant images 4, 1, 3, 1.5; the first may be NaN.
class Constants final : public Solver {
 public:
  bool broken = false;

  void visit(ParameterVisitor&) override {}

 private:
  at::Tensor run(SolverContext& context) const override {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const at::Tensor values = at::tensor({broken ? nan : 4.0, 1.0, 3.0, 1.5}, context.image_options());
    return values.reshape({4, 1, 1, 1}) * at::ones({1, 1, 2, 2}, context.image_options());
  }
};

/// What is kept of the four for a measurement of the constant `y`, in units of [0, 2] (which solvers see as they are).
double kept(double y, Selection selection, bool broken = false) {
  auto solver = std::make_shared<Constants>();
  solver->broken = broken;
  const TensorSpec image{{1, 2, 2}, ScalarKind::real};
  PreparedItem item;
  item.id = "item";
  item.op = make_identity(image);
  item.y = at::full({1, 1, 2, 2}, y, at::kFloat);
  item.ground_truth = at::full({1, 1, 2, 2}, 4.0, at::kFloat);
  item.range = {.low = 0, .high = 2};
  const ItemRunner runner({.name = "constants", .solver = solver, .traits = {.claim = Claim::samples, .samples = true}}, nullptr,
                          ComplexImage::none, "test", {.selection = selection});
  return runner.run(item, 4, {}).x.mean().item<double>();
}

TEST(Selection, TheMeanIsTheDefaultMeaning) {
  EXPECT_DOUBLE_EQ(kept(3, Selection::mean), (4 + 1 + 3 + 1.5) / 4);
}

// The truth says 4 throughout: what is kept follows the measurement.
TEST(Selection, TheSampleOfLeastResidualIsKept) {
  EXPECT_DOUBLE_EQ(kept(3.2, Selection::residual), 3);
  EXPECT_DOUBLE_EQ(kept(1.1, Selection::residual), 1);
  EXPECT_DOUBLE_EQ(kept(9.0, Selection::residual), 4);
}

// A diverged sample is reported as zero, which would fit a measurement of zero best.
TEST(Selection, DivergedSamplesAreKeptLast) { EXPECT_DOUBLE_EQ(kept(0, Selection::residual, true), 1); }

}  // namespace
}  // namespace recon
