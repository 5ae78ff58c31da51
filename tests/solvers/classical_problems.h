#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "operators/blur/blur.h"
#include "operators/fourier/fourier.h"
#include "operators/inpainting/inpainting.h"
#include "operators/resampling/super_resolution.h"
#include "recon/core/rng.h"
#include "recon/solvers/classical/image_gradient.h"
#include "recon/solvers/solver.h"

/// Small problems in double precision on which the classical solvers are judged.
namespace recon::test {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

inline double largest(const at::Tensor& tensor) { return tensor.abs().max().item<double>(); }

inline TensorSpec grey(std::int64_t size) { return {{1, size, size}, ScalarKind::real}; }

inline at::Tensor normal(const std::string& stream, const TensorSpec& spec, std::int64_t batch = 1) {
  std::vector<StreamKey> keys;
  for (std::int64_t i = 0; i < batch; ++i) keys.push_back({static_cast<std::uint64_t>(i), 0});
  return Rng(31, stream).normal(keys, 0, spec, at::kDouble);
}

/// A disk and a box on a ramp, [1, 1, size, size], in [-1, 1].
inline at::Tensor phantom(std::int64_t size) {
  const at::Tensor axis = at::linspace(-1, 1, size, at::kDouble);
  const at::Tensor v = axis.view({-1, 1}), h = axis.view({1, -1});
  const at::Tensor disk = ((v + 0.2).square() + (h - 0.1).square() < 0.3).to(at::kDouble);
  const at::Tensor box = (((v - 0.5).abs() < 0.3).logical_and((h + 0.3).abs() < 0.4)).to(at::kDouble);
  return (-0.6 + 0.9 * disk + 0.5 * box + 0.15 * h).view({1, 1, size, size});
}

inline LinearOperatorPtr task(const std::string& name, std::int64_t size) {
  const TensorSpec image = grey(size);
  const at::Tensor random = Rng(1, "mask").uniform({{0, 0}}, 0, {{size, size}, ScalarKind::real})[0];
  if (name == "blur") {
    const at::Tensor t = at::arange(-4, 5, at::kDouble), g = (-t.square() / (2 * 1.5 * 1.5)).exp();
    const at::Tensor kernel = g.view({-1, 1}) * g.view({1, -1});
    return make_blur(image, kernel / kernel.sum(), Boundary::circular, "gaussian");
  }
  if (name == "inpainting") return make_inpainting(image, (random < 0.4).to(at::kDouble), "random");
  if (name == "fourier") {
    const at::Tensor column = at::arange(size, at::kLong);
    const at::Tensor kept = (column % 3 == 0).logical_or((column - size / 2).abs() < 3).to(at::kDouble);
    return make_fourier(image, kept.expand({size, size}).contiguous(), "columns");
  }
  return make_average_downsampling(image, 2);
}

inline const std::vector<std::string> kTasks{"blur", "inpainting", "fourier", "super_resolution"};

inline Problem problem_of(const LinearOperatorPtr& op, const at::Tensor& truth, std::vector<double> noise_std) {
  Problem problem{
      .op = op, .y = op->apply(truth), .noise_std = std::move(noise_std), .keys = {}, .image = op->domain()};
  for (std::int64_t i = 0; i < truth.size(0); ++i) problem.keys.push_back({static_cast<std::uint64_t>(i), 0});
  at::Tensor noise = normal("noise", op->range(), truth.size(0));
  if (op->support().defined()) noise = noise * op->support();
  problem.y = problem.y + noise * per_item(problem.noise_std, problem.y);
  return problem;
}

inline Report solve(const Solver& solver, const Problem& problem) { return solver.solve(problem, nullptr, {}); }

inline double mean_square(const at::Tensor& x) { return x.abs().square().mean().item<double>(); }

/// A as a matrix [2m or m, n] on the flattened image: the images of all unit vectors, complex data as two rows.
inline at::Tensor dense(const LinearOperator& op) {
  const std::int64_t n = op.domain().numel();
  Shape basis = op.domain().shape;
  basis.insert(basis.begin(), n);
  const at::Tensor columns = op.apply(at::eye(n, at::kDouble).view(basis));
  return (columns.is_complex() ? at::view_as_real(columns) : columns).flatten(1).t();
}

inline at::Tensor real_rows(const at::Tensor& y) { return (y.is_complex() ? at::view_as_real(y) : y).flatten(1).t(); }

/// D as a matrix, from its definition on each basis image.
inline at::Tensor dense_gradient(std::int64_t size) {
  const ImageGradient g = image_gradient(at::eye(size * size, at::kDouble).view({size * size, 1, size, size}));
  return at::cat({g.vertical.flatten(1), g.horizontal.flatten(1)}, 1).t();
}

}  // namespace recon::test
