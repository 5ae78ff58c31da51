#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "operators/iterative_solve.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// A(x) = |transform(embed(x))|: magnitudes of a unitary transform of a larger image u that holds x and is zero around
/// it, up to an affine map of the intensities. Then inverse(transform(u)) = u, extract(embed(x)) = x, and
/// extract(u + d) - extract(u) is linear in d. What alternating projections need (phase retrieval).
struct MagnitudeForm {
  std::function<at::Tensor(const at::Tensor& x)> embed;
  std::function<at::Tensor(const at::Tensor& u)> extract;
  std::function<at::Tensor(const at::Tensor& u)> transform;
  std::function<at::Tensor(const at::Tensor& k)> inverse;  ///< its real part where images are real
};

/// A rectangle of pixels [top, top + height) x [left, left + width); of a volume, in the slices [front, front + depth).
struct ImageWindow {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
  std::int64_t front = 0, depth = 0;  ///< depth 0: of all slices, or of an image

  /// That part of images [..., H, W], volumes [..., D, H, W].
  at::Tensor of(const at::Tensor& x) const;
  /// The shape of that part of images [C, H, W] or volumes [C, D, H, W].
  std::vector<std::int64_t> shape_in(std::vector<std::int64_t> image) const;
  bool operator==(const ImageWindow&) const = default;
};

/// A measurement operator A: domain -> range, without noise.
///
/// Immutable and shared. It computes on the device and in the precision of its input and never records on the autograd
/// tape: solvers compute `v = A.gradient(x0_hat, y)` and seed one vector-Jacobian product through the network with it.
/// The inner product is real everywhere: <u, v> = Re sum conj(u) v.
///
/// The public members check shapes (Error(internal) naming the operator); subclasses implement the raw do_* members,
/// which may rely on checked input, must not modify it and return memory of their own (never an alias of an argument).
class Operator {
 public:
  virtual ~Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  const std::string& name() const { return name_; }  ///< registered name with its main parameters
  const TensorSpec& domain() const { return domain_; }
  const TensorSpec& range() const { return range_; }
  virtual bool is_linear() const { return false; }
  /// How its magnitudes come about, for operators that measure such; empty otherwise.
  virtual std::optional<MagnitudeForm> magnitude() const { return std::nullopt; }

  /// Which entries of the range are measured: undefined when all are, otherwise a 0/1 float64 tensor on the CPU that
  /// broadcasts to the range (a mask of inpainting or of k-space). apply() is zero elsewhere, and so must the data be:
  /// noise is added on the support only.
  virtual at::Tensor support() const { return {}; }
  /// The part of the domain that a measurement shows, where the operator also takes in a margin around it (a blur whose
  /// boundary is unknown): results are cut to it. Empty: all of the domain.
  virtual std::optional<ImageWindow> window() const { return std::nullopt; }
  /// Real numbers measured per item, the `m` of chi²: the real components of the range that lie on the support.
  std::int64_t measured_components() const;

  /// A(x): `[batch, domain]` -> `[batch, range]`.
  at::Tensor apply(const at::Tensor& x) const;
  /// J_A(x)^H v, the gradient of Re <v, A(x)> in x: `[batch, domain]`.
  at::Tensor vjp(const at::Tensor& x, const at::Tensor& v) const;
  /// Gradient of 1/2 ||A(x) - y||² in x: vjp(x, A(x) - y).
  at::Tensor gradient(const at::Tensor& x, const at::Tensor& y) const;

 protected:
  Operator(std::string name, TensorSpec domain, TensorSpec range)
      : name_(std::move(name)), domain_(std::move(domain)), range_(std::move(range)) {}

 private:
  virtual at::Tensor do_apply(const at::Tensor& x) const = 0;
  virtual at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const = 0;

  std::string name_;
  TensorSpec domain_, range_;
};

/// A^H A = V diag(eigenvalues) V^H with unitary V: every f(A^H A) in closed form.
///
/// `analyze` is V^H, `synthesize` is V (its result is real when the domain is), `eigenvalues` (real, >= 0) has the rank
/// of the batch of coefficients, leading axis 1, and broadcasts to it; so a number per item (per_item(v, eigenvalues))
/// combines with it. analyze keeps the real inner product: <analyze(u), analyze(v)> = <u, v>. The half spectrum of a
/// real image is redundant (its self-conjugate columns), so there V V^H is a projection: draw noise for the
/// coefficients as analyze(noise image). What solvers need of A A^H follows from A^H g(A A^H) = g(A^H A) A^H; with the
/// singular values s = sqrt(eigenvalues), U^H y = V^H A^H y / s.
struct SpectralForm {
  std::function<at::Tensor(const at::Tensor&)> analyze;
  std::function<at::Tensor(const at::Tensor&)> synthesize;
  std::function<at::Tensor(const at::Tensor& like)> eigenvalues;  ///< on the device and in the precision of `like`

  /// f(A^H A) x, f acting on the tensor of eigenvalues.
  at::Tensor filter(const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& f) const;
};

/// A linear operator with its adjoint A^H (with respect to the real inner product).
class LinearOperator : public Operator {
 public:
  bool is_linear() const final { return true; }

  /// A^H y: `[batch, range]` -> `[batch, domain]`.
  at::Tensor adjoint(const at::Tensor& y) const;
  /// A^H A x.
  at::Tensor normal(const at::Tensor& x) const;

  /// True when A^H A and A A^H are known to be the identity: such an operator keeps its partner's spectral form.
  virtual bool is_unitary() const { return false; }
  /// Closed form of A^H A where there is one; empty otherwise.
  virtual std::optional<SpectralForm> spectral() const { return std::nullopt; }

  /// (A^H A + shift I)^-1 b for `b` in the domain and shift > 0, one shift per item (`[batch]` or a single one):
  /// spectral form where there is one, otherwise conjugate gradients.
  at::Tensor solve_shifted(const at::Tensor& b, const at::Tensor& shift, const IterativeSolve& options = {}) const;

  /// A^+ y, the least-squares solution of least norm: spectral form (eigenvalues below 1e-10 of the largest count as
  /// zero; 1e-6 in single precision), otherwise conjugate gradients on the normal equations from zero.
  at::Tensor pseudo_inverse(const at::Tensor& y, const IterativeSolve& options = {}) const;

 protected:
  using Operator::Operator;

 private:
  at::Tensor do_vjp(const at::Tensor&, const at::Tensor& v) const final { return do_adjoint(v); }
  virtual at::Tensor do_adjoint(const at::Tensor& y) const = 0;
  virtual at::Tensor do_normal(const at::Tensor& x) const;  ///< adjoint of apply unless there is something faster
};

/// The part of images [..., H, W] of the domain that results show: op.window() of them, or all. Undefined stays so.
at::Tensor in_window(const at::Tensor& images, const Operator& op);

using OperatorPtr = std::shared_ptr<const Operator>;
using LinearOperatorPtr = std::shared_ptr<const LinearOperator>;

/// The operator as a linear one, or Error(usage) naming `needed_by` and what to use instead.
LinearOperatorPtr as_linear(const OperatorPtr& op, const std::string& needed_by);

}  // namespace recon
