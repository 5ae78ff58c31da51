#include "recon/pipeline/solve/ambiguities.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operators/nonlinear/fourier_magnitude.h"
#include "recon/core/rng.h"

namespace recon {
namespace {

at::Tensor image_of(ScalarKind field) {
  const auto dtype = field == ScalarKind::complex ? at::kComplexDouble : at::kDouble;
  return Rng(5, "equivalent_image_test").normal({{0, 0}}, 0, {{2, 12, 17}, field}, dtype);
}

// Every member of the family comes back as the truth itself; a roll, a flip and a sign are exact.
TEST(EquivalentImage, UndoesShiftTurnAndSign) {
  const at::Tensor truth = image_of(ScalarKind::real);
  const at::Tensor shifted = at::roll(truth, {3, -5}, {2, 3});
  EXPECT_TRUE(at::equal(nearest_equivalent(truth, truth), truth));
  EXPECT_TRUE(at::equal(nearest_equivalent(shifted, truth), truth));
  EXPECT_TRUE(at::equal(nearest_equivalent(-at::flip(shifted, {2, 3}), truth), truth));
  EXPECT_FALSE(
      at::allclose(nearest_equivalent(at::flip(shifted, {3}), truth), truth));  // a mirror image is another one
}

TEST(EquivalentImage, UndoesThePhaseOfComplexImages) {
  const at::Tensor truth = image_of(ScalarKind::complex);
  const at::Tensor x = at::flip(at::roll(truth, {1, 2}, {2, 3}), {2, 3}).conj() * c10::complex<double>(0.6, 0.8);
  EXPECT_TRUE(at::allclose(nearest_equivalent(x, truth), truth));
}

}  // namespace
}  // namespace recon
