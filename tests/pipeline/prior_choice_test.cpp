#include "recon/pipeline/solve/prior_choice.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace recon::test {
namespace {

TEST(PriorChoice, ColourIsForColourPicturesThatAreNotHuge) {
  const auto chosen = [](const Shape& shape, ScalarKind kind = ScalarKind::real) {
    return choose_prior({shape, kind});
  };
  EXPECT_EQ(chosen({3, 64, 64}), "natural_rgb");
  EXPECT_EQ(chosen({3, 512, 512}), "natural_rgb");
  EXPECT_EQ(chosen({3, 512, 513}), "natural_gray");
  EXPECT_EQ(chosen({1, 64, 64}), "natural_gray");
  EXPECT_EQ(chosen({4, 64, 64}), "natural_gray");
  EXPECT_EQ(chosen({3, 64, 64}, ScalarKind::complex), "natural_gray");
}

ItemSource source_of(const Shape& shape) {
  MeasurementSet set;
  set.header.image = {shape, ScalarKind::real};
  set.header.operator_config = "type: identity\n";
  Shape batch = shape;
  batch.insert(batch.begin(), 1);
  set.y = at::zeros(batch);
  set.ids = {"0"};
  return ItemSource::of(set, "test", {});
}

TEST(PriorChoice, SettlesAutoForAllItemsAndLeavesOthersAlone) {
  ItemSource colour = source_of({3, 16, 16}), grey = source_of({1, 16, 16});
  const auto settled = [](std::string prior, const std::vector<FirstItem>& items) {
    nlohmann::ordered_json resolved = {{"prior", prior}};
    settle_prior(prior, resolved, items, true);
    EXPECT_EQ(resolved["prior"], prior);
    return prior;
  };
  EXPECT_EQ(settled("auto", {{&colour, 0}}), "natural_rgb");
  EXPECT_EQ(settled("auto", {{&grey, 0}}), "natural_gray");
  EXPECT_EQ(settled("auto", {{&colour, 0}, {&grey, 0}}), "natural_gray");
  EXPECT_EQ(settled("brain_mri", {{&colour, 0}}), "brain_mri");
}

}  // namespace
}  // namespace recon::test
