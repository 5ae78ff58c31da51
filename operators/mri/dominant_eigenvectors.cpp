#include "operators/mri/dominant_eigenvectors.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr int kMostSquarings = 20;

/// One number of as many matrices as a register of 32 bytes holds.
template <class Real>
struct Lanes {
  typedef Real Type __attribute__((vector_size(32)));
  static constexpr std::int64_t count = 32 / sizeof(Real);
};

/// Matrices [n, n], the real and the imaginary parts.
template <class Real>
struct Matrices {
  using Lane = typename Lanes<Real>::Type;
  explicit Matrices(std::int64_t n) : re(static_cast<std::size_t>(n * n)), im(re.size()) {}
  std::vector<Lane> re, im;
};

template <class Real>
struct EigenWork {
  explicit EigenWork(std::int64_t n) : given(n), a(n), b(n) {}
  Matrices<Real> given, a, b;
};

/// b = a a / t², t the traces of a, and the traces of b.
template <class Real>
[[gnu::always_inline]] inline void square(const Matrices<Real>& a, Matrices<Real>& b, std::int64_t n,
                                          typename Lanes<Real>::Type& trace) {
  using Lane = typename Lanes<Real>::Type;
  const auto at = [n](std::int64_t i, std::int64_t j) { return static_cast<std::size_t>(i * n + j); };
  Lane scale{}, next{};
  for (std::int64_t k = 0; k < Lanes<Real>::count; ++k) {
    scale[k] = trace[k] > 0 ? 1 / (trace[k] * trace[k]) : 0;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i; j < n; ++j) {
      Lane re{}, im{};
      for (std::int64_t k = 0; k < n; ++k) {
        const Lane x = a.re[at(i, k)], y = a.im[at(i, k)], u = a.re[at(k, j)], v = a.im[at(k, j)];
        re += x * u - y * v;
        im += x * v + y * u;
      }
      b.re[at(j, i)] = b.re[at(i, j)] = re * scale;
      b.im[at(i, j)] = im * scale;
      b.im[at(j, i)] = -im * scale;
    }
    next += b.re[at(i, i)];
  }
  trace = next;
}

/// `count` matrices, at most as many as there are lanes, from the given planes on.
template <class Real>
[[gnu::always_inline]] inline void solve_lanes(const c10::complex<Real>* triangles, std::int64_t planes_apart,
                                               std::int64_t n, std::int64_t count, EigenWork<Real>& work,
                                               c10::complex<Real>* vectors, Real* values) {
  using Lane = typename Lanes<Real>::Type;
  const auto at = [n](std::int64_t i, std::int64_t j) { return static_cast<std::size_t>(i * n + j); };
  Matrices<Real>& given = work.given;
  Lane trace{};
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i; j < n; ++j, triangles += planes_apart) {
      Lane re{}, im{};
      for (std::int64_t k = 0; k < count; ++k) {
        re[k] = triangles[k].real();
        im[k] = triangles[k].imag();
      }
      given.re[at(j, i)] = given.re[at(i, j)] = re;
      given.im[at(i, j)] = im;
      given.im[at(j, i)] = -im;
    }
    trace += given.re[at(i, i)];
  }
  square(given, work.a, n, trace);
  // The traces are tr M² of the matrices before: 1 - tr M² is twice the share of the other eigenvalues in M.
  constexpr Real close_to_one = 1 - 100 * std::numeric_limits<Real>::epsilon();
  const auto has_rank_one = [&] {
    bool all = true;
    for (std::int64_t k = 0; k < count; ++k) all = all && !(trace[k] > 0 && trace[k] < close_to_one);
    return all;
  };
  for (int squarings = 1; squarings < kMostSquarings && !has_rank_one(); ++squarings) {
    square(work.a, work.b, n, trace);
    std::swap(work.a, work.b);
  }
  for (std::int64_t k = 0; k < count; ++k) {
    std::int64_t largest = 0;
    for (std::int64_t i = 1; i < n; ++i) {
      if (work.a.re[at(i, i)][k] > work.a.re[at(largest, largest)][k]) largest = i;
    }
    Real squares = 0;
    const auto entry = [&](std::int64_t i) {
      return c10::complex<Real>(work.a.re[at(i, largest)][k], work.a.im[at(i, largest)][k]);
    };
    for (std::int64_t i = 0; i < n; ++i) squares += std::norm(entry(i));
    const Real scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
    Real value = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      vectors[i * planes_apart + k] = entry(i) * scale;
      c10::complex<Real> product = 0;
      for (std::int64_t j = 0; j < n; ++j) {
        product += c10::complex<Real>(given.re[at(i, j)][k], given.im[at(i, j)][k]) * (entry(j) * scale);
      }
      value += (std::conj(entry(i) * scale) * product).real();
    }
    values[k] = value;
  }
}

template <class Real>
[[gnu::always_inline]] inline void solve_range(const c10::complex<Real>* triangles, std::int64_t planes_apart,
                                               std::int64_t n, std::int64_t begin, std::int64_t end,
                                               c10::complex<Real>* vectors, Real* values) {
  EigenWork<Real> work(n);
  for (std::int64_t first = begin; first < end; first += Lanes<Real>::count) {
    const std::int64_t count = std::min(Lanes<Real>::count, end - first);
    solve_lanes(triangles + first, planes_apart, n, count, work, vectors + first, values + first);
  }
}

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define RECON_ALSO_FOR_AVX2 __attribute__((target_clones("default", "arch=haswell")))
#else
#define RECON_ALSO_FOR_AVX2
#endif

RECON_ALSO_FOR_AVX2 void solve_single(const c10::complex<float>* triangles, std::int64_t planes_apart, std::int64_t n,
                                      std::int64_t begin, std::int64_t end, c10::complex<float>* vectors,
                                      float* values) {
  solve_range(triangles, planes_apart, n, begin, end, vectors, values);
}

RECON_ALSO_FOR_AVX2 void solve_double(const c10::complex<double>* triangles, std::int64_t planes_apart, std::int64_t n,
                                      std::int64_t begin, std::int64_t end, c10::complex<double>* vectors,
                                      double* values) {
  solve_range(triangles, planes_apart, n, begin, end, vectors, values);
}

}  // namespace

std::pair<at::Tensor, at::Tensor> upper_triangle(std::int64_t n) {
  const at::Tensor places = at::triu_indices(n, n, 0, at::kLong);
  return {places[0], places[1]};
}

std::pair<at::Tensor, at::Tensor> dominant_eigenvectors(const at::Tensor& triangles) {
  const at::Tensor in = triangles.resolve_conj().contiguous();
  const std::int64_t count = in.size(1);
  const auto n = static_cast<std::int64_t>(std::sqrt(2.0 * static_cast<double>(in.size(0))));
  if (!in.is_complex() || !in.is_cpu() || n * (n + 1) / 2 != in.size(0)) {
    throw internal_error("dominant_eigenvectors", "expected complex upper triangles on the CPU");
  }
  const at::Tensor vectors = at::empty({n, count}, in.options());
  const at::Tensor values = at::empty({count}, in.options().dtype(c10::toRealValueType(in.scalar_type())));
  constexpr std::int64_t grain = 256;
  // Groups of lanes begin at the same matrices for any number of threads.
  at::parallel_for(0, (count + grain - 1) / grain, 1, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t begin = first * grain, end = std::min(last * grain, count);
    if (in.scalar_type() == at::kComplexDouble) {
      solve_double(in.const_data_ptr<c10::complex<double>>(), count, n, begin, end,
                   vectors.mutable_data_ptr<c10::complex<double>>(), values.mutable_data_ptr<double>());
    } else {
      solve_single(in.const_data_ptr<c10::complex<float>>(), count, n, begin, end,
                   vectors.mutable_data_ptr<c10::complex<float>>(), values.mutable_data_ptr<float>());
    }
  });
  return {vectors, values};
}

}  // namespace recon
