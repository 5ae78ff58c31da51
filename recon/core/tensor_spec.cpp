#include "recon/core/tensor_spec.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "recon/core/all_finite.h"
#include "recon/core/error.h"

namespace recon {

namespace {

double dot(const float* a, const float* b, std::int64_t n) {
  constexpr std::int64_t lanes = 16;
  std::array<double, lanes> sums{};
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (std::int64_t k = 0; k < lanes; ++k) sums[k] += static_cast<double>(a[i + k] * b[i + k]);
  }
  for (; i < n; ++i) sums[0] += static_cast<double>(a[i] * b[i]);
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// In one pass, in pieces of a size of their own, so that the sum depends neither on threads nor on the batch. Products
/// are rounded and summed in double precision, as on other devices: the two agree up to the order of the sums.
at::Tensor dots(const at::Tensor& a, const at::Tensor& b) {
  constexpr std::int64_t piece = 1 << 14;
  const std::int64_t items = a.size(0), n = items > 0 ? a.numel() / items : 0, pieces = (n + piece - 1) / piece;
  const float *left = a.const_data_ptr<float>(), *right = b.const_data_ptr<float>();
  std::vector<double> parts(static_cast<std::size_t>(items * pieces));
  at::parallel_for(0, items * pieces, 2, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t first = k % pieces * piece, at = k / pieces * n + first;
      parts[static_cast<std::size_t>(k)] = dot(left + at, right + at, std::min(piece, n - first));
    }
  });
  const at::Tensor sums = at::zeros({items}, at::kDouble);
  auto* sum = sums.mutable_data_ptr<double>();
  for (std::int64_t k = 0; k < items * pieces; ++k) sum[k / pieces] += parts[static_cast<std::size_t>(k)];
  return sums;
}

}  // namespace

std::int64_t TensorSpec::numel() const {
  std::int64_t count = 1;
  for (const auto extent : shape) count *= extent;
  return count;
}

std::int64_t TensorSpec::real_components() const { return scalar == ScalarKind::complex ? 2 * numel() : numel(); }

std::string TensorSpec::to_string() const {
  return (scalar == ScalarKind::complex ? "complex " : "real ") + recon::to_string(shape);
}

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

ScalarKind scalar_kind_of(const at::Tensor& tensor) {
  return tensor.is_complex() ? ScalarKind::complex : ScalarKind::real;
}

Shape shape_of(const at::Tensor& tensor) { return {tensor.sizes().begin(), tensor.sizes().end()}; }

TensorSpec spec_of_item(const at::Tensor& batched) {
  return {Shape(batched.sizes().begin() + 1, batched.sizes().end()), scalar_kind_of(batched)};
}

at::ScalarType real_dtype(const at::Tensor& tensor) { return c10::toRealValueType(tensor.scalar_type()); }

at::ScalarType complex_dtype(const at::Tensor& tensor) {
  return tensor.is_complex() ? tensor.scalar_type() : c10::toComplexType(tensor.scalar_type());
}

void require(const at::Tensor& tensor, const TensorSpec& spec, std::string_view where) {
  if (!tensor.defined())
    throw internal_error(std::string(where), "expected {}, got an undefined tensor", spec.to_string());
  const bool floating = tensor.is_floating_point() || tensor.is_complex();
  const bool ok = floating && scalar_kind_of(tensor) == spec.scalar &&
                  tensor.dim() == static_cast<std::int64_t>(spec.shape.size()) + 1 && tensor.size(0) >= 1 &&
                  tensor.sizes().slice(1) == at::IntArrayRef(spec.shape);
  if (!ok) {
    throw internal_error(std::string(where), "expected a batch of {}, got {} {}", spec.to_string(),
                         c10::toString(tensor.scalar_type()), to_string(shape_of(tensor)));
  }
}

void require_finite(const at::Tensor& tensor, const std::string& location) {
  if (all_finite(tensor)) return;
  const at::Tensor finite = at::isfinite(tensor);
  const at::Tensor offenders = finite.logical_not().nonzero();
  std::vector<std::int64_t> index;
  for (std::int64_t i = 0; i < offenders.size(1); ++i) index.push_back(offenders[0][i].item<std::int64_t>());
  throw data_error(location,
                   "{} of {} values are NaN or infinite, the first at index {}; mask them out or repair the file",
                   offenders.size(0), tensor.numel(), to_string(index));
}

at::Tensor squared_norms(const at::Tensor& batched) { return real_inner(batched, batched); }

at::Tensor real_inner(const at::Tensor& a, const at::Tensor& b) {
  const auto real_view = [](const at::Tensor& tensor) {
    return (tensor.is_complex() ? at::view_as_real(tensor.resolve_conj()) : tensor).flatten(1);
  };
  // Double precision is for comparisons, also of devices: the same sums in the same order everywhere.
  const bool one_pass = a.is_cpu() && b.is_cpu() && a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type();
  if (one_pass && real_dtype(a) == at::kFloat) return dots(real_view(resolved(a)), real_view(resolved(b)));
  return (real_view(a) * real_view(b)).sum(1, false, at::kDouble);
}

at::Tensor per_item(const at::Tensor& values, const at::Tensor& like) {
  Shape shape(static_cast<std::size_t>(like.dim()), 1);
  shape[0] = values.numel();
  return values.reshape(shape).to(like.device(), real_dtype(like));
}

at::Tensor per_item(const std::vector<double>& values, const at::Tensor& like) {
  return per_item(at::tensor(values, at::kDouble), like);
}

at::Tensor resolved(const at::Tensor& tensor) { return tensor.resolve_conj().resolve_neg().contiguous(); }

}  // namespace recon
