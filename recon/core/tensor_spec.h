#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace recon {

/// Whether the entries of an array are real or complex. Single or double precision is the caller's choice: every
/// operator and prior computes in the precision of the tensor it is given.
enum class ScalarKind { real, complex };

using Shape = std::vector<std::int64_t>;

/// Shape (without the leading batch axis) and scalar kind of a vector space, e.g. {1, H, W} for images and
/// k-space. Every tensor of the project is `[batch, shape...]`.
struct TensorSpec {
  Shape shape;
  ScalarKind scalar = ScalarKind::real;

  bool operator==(const TensorSpec&) const = default;

  std::int64_t numel() const;            ///< entries of one item
  std::int64_t real_components() const;  ///< numel(), twice that when complex: the `m` of chi²
  std::string to_string() const;         ///< "real [1, 128, 128]"
};

/// Shape as "[1, 128, 128]".
std::string to_string(const Shape& shape);

ScalarKind scalar_kind_of(const at::Tensor& tensor);
Shape shape_of(const at::Tensor& tensor);            ///< its sizes, the batch axis included
TensorSpec spec_of_item(const at::Tensor& batched);  ///< the spec of one item of `[batch, shape...]`

/// The real dtype of the same precision: complex64 -> float32.
at::ScalarType real_dtype(const at::Tensor& tensor);
at::ScalarType complex_dtype(const at::Tensor& tensor);

/// Throws Error(internal) naming `where` unless `tensor` is a defined floating tensor `[batch >= 1, spec.shape...]` of
/// the spec's scalar kind.
void require(const at::Tensor& tensor, const TensorSpec& spec, std::string_view where);

/// Throws Error(data) naming `location` and the index of the first offender if any entry is NaN or infinite.
void require_finite(const at::Tensor& tensor, const std::string& location);

/// Per-item squared Euclidean norm sum |x|² as float64 `[batch]`, on its device.
at::Tensor squared_norms(const at::Tensor& batched);

/// Per-item real inner product Re sum conj(a) b as float64 `[batch]`, there, too.
at::Tensor real_inner(const at::Tensor& a, const at::Tensor& b);

/// One number per item, shaped `[batch, 1, ...]` in the real dtype and on the device of `like`, to multiply it with.
at::Tensor per_item(const std::vector<double>& values, const at::Tensor& like);
at::Tensor per_item(const at::Tensor& values, const at::Tensor& like);

/// Contiguous memory without lazy conjugation or negation: what a raw pointer may be taken of. (`contiguous()` alone
/// keeps the lazy bits and the same data.)
at::Tensor resolved(const at::Tensor& tensor);

}  // namespace recon
