#include "operators/mri/dominant_eigenvectors.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "operators/mri/coil_maps.h"
#include "operators/mri/sense.h"
#include "recon/core/rng.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

at::Tensor noise_of(const Shape& shape, at::ScalarType real) {
  return Rng(3, "eigenvectors").normal({StreamKey{}}, 0, {shape, ScalarKind::complex}, real)[0];
}

/// Positive semidefinite matrices [P, n, n] of rank n or less.
at::Tensor gram_matrices(std::int64_t count, std::int64_t n, std::int64_t rank, at::ScalarType real) {
  const at::Tensor x = noise_of({count, n, rank}, real);
  return at::matmul(x, x.conj().transpose(1, 2)).resolve_conj();
}

at::Tensor triangles_of(const at::Tensor& matrices) {
  const auto [i, j] = upper_triangle(matrices.size(1));
  return matrices.permute({1, 2, 0}).index({i, j}).contiguous();
}

/// |A v - lambda v| over the largest eigenvalue, and the distance of lambda from it, relative.
void expect_dominant(const at::Tensor& matrices, double tolerance) {
  const auto [vectors, values] = dominant_eigenvectors(triangles_of(matrices));
  const at::Tensor v = vectors.t(), largest = at::linalg_eigvalsh(matrices).select(1, -1);
  EXPECT_LT(((values - largest) / largest).abs().max().item<double>(), tolerance);
  const at::Tensor rest = at::matmul(matrices, v.unsqueeze(2)).squeeze(2) - v * values.unsqueeze(1);
  EXPECT_LT((rest.abs().amax(1) / largest).max().item<double>(), tolerance);
  EXPECT_LT((v.abs().square().sum(1) - 1).abs().max().item<double>(), tolerance);
}

TEST(DominantEigenvectors, AreThoseOfLapack) {
  for (const std::int64_t n : {1, 2, 5, 8}) {
    for (const std::int64_t rank : {std::int64_t{1}, n}) {
      expect_dominant(gram_matrices(301, n, rank, at::kDouble), 1e-6);  // 301: groups that are not full
      expect_dominant(gram_matrices(301, n, rank, at::kFloat), 1e-3);
    }
  }
}

TEST(DominantEigenvectors, OfTwoEqualOnesIsOneOfTheirSpace) {
  const at::Tensor matrices = at::diag(at::tensor({0.2, 1.0, 1.0, 0.5}, at::kDouble)).to(at::kComplexDouble);
  const auto [vectors, values] = dominant_eigenvectors(triangles_of(matrices.unsqueeze(0)));
  EXPECT_NEAR(values[0].item<double>(), 1, 1e-12);
  EXPECT_NEAR(vectors.abs().square().narrow(0, 1, 2).sum().item<double>(), 1, 1e-12);
}

TEST(DominantEigenvectors, OfNothingAreNothing) {
  const auto [vectors, values] = dominant_eigenvectors(at::zeros({10, 3}, at::kComplexFloat));
  EXPECT_EQ(vectors.abs().max().item<double>(), 0);
  EXPECT_EQ(values.abs().max().item<double>(), 0);
}

TEST(DominantEigenvectors, DoNotDependOnThreadsNorOnNeighbours) {
  const at::Tensor triangles = triangles_of(gram_matrices(1000, 6, 6, at::kFloat));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor alone = dominant_eigenvectors(triangles).first;
  at::set_num_threads(3);
  const at::Tensor together = dominant_eigenvectors(triangles).first;
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(alone, together));
}

// The normal operator of SENSE leaves transforms out along axes that the mask is constant on.
TEST(SenseNormal, IsAdjointAfterApplyForMasksOfAllKinds) {
  const std::int64_t height = 12, width = 10;
  const at::Tensor rows = (at::arange(height).remainder(3) != 1).to(at::kDouble).view({height, 1});
  const at::Tensor columns = (at::arange(width).remainder(4) != 2).to(at::kDouble).view({1, width});
  const at::Tensor all = at::ones({height, width}, at::kDouble);
  const int threads = at::get_num_threads();
  for (const auto scalar : {ScalarKind::real, ScalarKind::complex}) {
    for (const std::int64_t sets : {1, 2}) {
      const TensorSpec image{{sets, height, width}, scalar};
      const at::Tensor maps = noise_of({sets, 5, height, width}, at::kDouble);
      for (const at::Tensor& mask : {rows * all, columns * all, rows * columns, all}) {
        const auto op = make_sense(image, maps, mask, "test", "test");
        const at::Tensor x = Rng(4, "x").normal({{0, 0}, {1, 0}}, 0, image, at::kDouble);
        const at::Tensor expected = op->adjoint(op->apply(x));
        at::Tensor before;
        for (const int count : {1, 2, 4}) {
          at::set_num_threads(count);
          const at::Tensor normal = op->normal(x);
          EXPECT_LT((normal - expected).abs().max().item<double>(), 1e-12 * expected.abs().max().item<double>());
          if (before.defined()) {
            EXPECT_TRUE(at::equal(normal, before)) << count << " threads";
          }
          before = normal;
        }
      }
    }
  }
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace recon
