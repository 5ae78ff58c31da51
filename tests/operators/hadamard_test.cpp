// The fast transform against its matrix, the order against counted sign changes.
#include "operators/hadamard/hadamard.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>

#include "recon/core/error.h"
#include "recon/core/rng.h"
#include "tests/support/build_operator.h"

namespace recon {
namespace {

/// H / sqrt(n) by Sylvester's doubling: [[H, H], [H, -H]].
at::Tensor matrix(std::int64_t n) {
  at::Tensor h = at::ones({1, 1}, at::kDouble);
  while (h.size(0) < n) h = at::cat({at::cat({h, h}, 1), at::cat({h, -h}, 1)}, 0);
  return h / std::sqrt(static_cast<double>(n));
}

std::int64_t sign_changes(const at::Tensor& row) {
  return (row.narrow(0, 1, row.size(0) - 1) * row.narrow(0, 0, row.size(0) - 1) < 0).sum().item<std::int64_t>();
}

TEST(WalshHadamard, EqualsItsMatrix) {
  for (const std::int64_t n : {1, 2, 8, 64}) {
    const at::Tensor x =
        Rng(1, "hadamard_test").normal({{0, 0}, {1, 0}}, 0, {{3, n}, ScalarKind::complex}, at::kDouble);
    const at::Tensor expected = at::matmul(x, matrix(n).to(at::kComplexDouble));
    // log2(n) <= 6 additions per entry, each off by half an epsilon of numbers of order 1.
    EXPECT_LT((walsh_hadamard(x) - expected).abs().max().item<double>(), 1e-14) << n;
    EXPECT_LT((walsh_hadamard(walsh_hadamard(x)) - x).abs().max().item<double>(), 1e-14) << n;
  }
  EXPECT_THROW(walsh_hadamard(at::ones({2, 12})), Error);
}

TEST(WalshHadamard, SequencyCountsSignChanges) {
  for (const std::int64_t n : {1, 2, 4, 32}) {
    std::set<std::int64_t> seen;
    for (std::int64_t i = 0; i < n; ++i) {
      EXPECT_EQ(sequency(i, n), n == 1 ? 0 : sign_changes(matrix(n)[i])) << i << " of " << n;
      seen.insert(sequency(i, n));
    }
    EXPECT_EQ(std::ssize(seen), n);
  }
}

TEST(Hadamard, IsThatManyRowsOfTheMatrix) {
  const TensorSpec image{{1, 4, 8}, ScalarKind::real};
  const at::Tensor patterns = at::kron(matrix(4), matrix(8));  // [32, 32]: rows act on the flattened image
  const at::Tensor x = Rng(2, "hadamard_test").normal({{0, 0}}, 0, image, at::kDouble);
  const at::Tensor all = at::matmul(patterns, x.flatten());
  const at::Tensor smooth = build_operator(R"({"type": "hadamard", "fraction": 0.25})", image)->apply(x).flatten();
  ASSERT_EQ(smooth.numel(), 8);
  // (down, across) of the eight lowest sums, in order: (0,0) (0,1) (1,0) (0,2) (1,1) (2,0) (0,3) (1,2)
  const std::vector<std::pair<std::int64_t, std::int64_t>> order{{0, 0}, {0, 1}, {1, 0}, {0, 2},
                                                                 {1, 1}, {2, 0}, {0, 3}, {1, 2}};
  for (std::size_t k = 0; k < order.size(); ++k) {
    std::int64_t row = -1;
    for (std::int64_t i = 0; i < 32; ++i) {
      if (sign_changes(matrix(4)[i / 8]) == order[k].first && sign_changes(matrix(8)[i % 8]) == order[k].second)
        row = i;
    }
    EXPECT_NEAR(smooth[static_cast<std::int64_t>(k)].item<double>(), all[row].item<double>(), 1e-14) << k;
  }
  const auto chosen = build_operator(R"({"type": "hadamard", "fraction": 0.5, "order": "random", "seed": 5})", image);
  const at::Tensor y = chosen->apply(x).flatten();
  ASSERT_EQ(y.numel(), 16);
  EXPECT_NEAR(y[0].item<double>(), all[0].item<double>(), 1e-14);  // the constant pattern is always there
  const at::Tensor distance = (y.unsqueeze(1) - all.unsqueeze(0)).abs().amin(1);
  EXPECT_LT(distance.max().item<double>(), 1e-14);
}

TEST(Hadamard, IsOrthogonalAndKnowsItWhenTheImageFits) {
  const auto fits = build_linear(R"({"type": "hadamard", "fraction": 0.4})", {{2, 8, 16}, ScalarKind::complex});
  const at::Tensor y = Rng(3, "hadamard_test").normal({{0, 0}}, 0, fits->range(), at::kDouble);
  EXPECT_LT((fits->apply(fits->adjoint(y)) - y).abs().max().item<double>(), 1e-14);  // A A^H = I
  EXPECT_TRUE(fits->spectral().has_value());
  EXPECT_FALSE(fits->is_unitary());
  EXPECT_TRUE(build_linear(R"({"type": "hadamard", "fraction": 1})", {{1, 8, 8}, ScalarKind::real})->is_unitary());
  const auto padded = build_linear(R"({"type": "hadamard", "fraction": 1})", {{1, 12, 20}, ScalarKind::real});
  EXPECT_EQ(padded->range().shape, (Shape{1, 16 * 32}));
  EXPECT_FALSE(padded->spectral().has_value());
  EXPECT_FALSE(padded->is_unitary());
}

}  // namespace
}  // namespace recon
