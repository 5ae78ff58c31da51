#include <ATen/ATen.h>

#include "operators/algebra.h"
#include "operators/approximate_normal.h"
#include "operators/combinations/parts.h"
#include "operators/inverse_filter.h"
#include "recon/core/error.h"

namespace recon {
namespace {

std::string composed_name(const Operator& outer, const Operator& inner) {
  return outer.name() + " after " + inner.name();
}

/// The form of an operator V diag(e) V^H after one that picks entries of a larger array, for solvers that pad: V on
/// what is picked, the entries left out as they are, with the eigenvalue 0. Coefficients are [batch, all].
SpectralForm form_of_picked(const SpectralForm& form, const LinearOperatorPtr& pick, const at::Tensor& left_out) {
  Shape probe_shape = pick->range().shape;
  probe_shape.insert(probe_shape.begin(), 1);
  const bool is_complex = pick->range().scalar == ScalarKind::complex;
  const at::Tensor coefficients = form.analyze(at::zeros(probe_shape, is_complex ? at::kComplexDouble : at::kDouble));
  const Shape shape = shape_of(coefficients);
  const std::int64_t picked = coefficients.numel(), others = left_out.numel();
  return {.analyze =
              [form, pick, left_out](const at::Tensor& x) {
                const at::Tensor c = form.analyze(pick->apply(x)).flatten(1);
                return at::cat({c, x.flatten(1).index_select(1, left_out.to(x.device())).to(c.scalar_type())}, 1);
              },
          .synthesize =
              [form, pick, left_out, shape, picked](const at::Tensor& c) {
                Shape batch = shape;
                batch[0] = c.size(0);
                const at::Tensor x = pick->adjoint(form.synthesize(c.narrow(1, 0, picked).reshape(batch)));
                const at::Tensor rest = c.slice(1, picked);
                const at::Tensor kept = rest.is_complex() && !x.is_complex() ? at::real(rest) : rest;
                return x.flatten(1).index_copy(1, left_out.to(x.device()), kept.to(x.scalar_type())).view_as(x);
              },
          .eigenvalues =
              [form, shape, others](const at::Tensor& like) {
                const at::Tensor e = form.eigenvalues(like).expand(shape).reshape({1, -1});
                return at::cat({e, at::zeros({1, others}, e.options())}, 1);
              }};
}

/// A margin of the inner operator's, and within what it leaves that of the outer one. The outer one's alone where the
/// inner one keeps pixels in place.
std::optional<ImageWindow> composed_window(const Operator& outer, const Operator& inner) {
  const auto first = inner.window(), second = outer.window();
  if (!first) return inner.domain().shape == inner.range().shape ? second : std::nullopt;
  const Shape& between = inner.range().shape;
  const bool in_place = between.size() == inner.domain().shape.size() && between == first->shape_in(between);
  if (!second || !in_place) return first;
  return ImageWindow{.top = first->top + second->top,
                     .left = first->left + second->left,
                     .height = second->height,
                     .width = second->width,
                     .front = first->front + second->front,
                     .depth = second->depth > 0 ? second->depth : first->depth};
}

class LinearComposition final : public LinearOperator, public FilteredInverse, public ApproximateNormal {
 public:
  LinearComposition(LinearOperatorPtr outer, LinearOperatorPtr inner)
      : LinearOperator(composed_name(*outer, *inner), inner->domain(), outer->range()),
        outer_(std::move(outer)),
        inner_(std::move(inner)) {}

  at::Tensor support() const override { return outer_->support(); }
  std::optional<ImageWindow> window() const override { return composed_window(*outer_, *inner_); }
  bool is_unitary() const override { return outer_->is_unitary() && inner_->is_unitary(); }
  double normal_error() const override { return normal_error_of(*outer_); }

  std::optional<SpectralForm> spectral() const override {
    if (outer_->is_unitary()) return inner_->spectral();  // (U A)^H U A = A^H A
    auto form = outer_->spectral();
    const auto* const pick = dynamic_cast<const OrthonormalRows*>(inner_.get());
    if (form && pick != nullptr) return form_of_picked(*form, inner_, pick->left_out());
    if (!form || !inner_->is_unitary()) return std::nullopt;
    // (A U)^H A U = (U^H V) diag(eigenvalues) (U^H V)^H
    const LinearOperatorPtr inner = inner_;
    return SpectralForm{
        .analyze = [inner, analyze = form->analyze](const at::Tensor& x) { return analyze(inner->apply(x)); },
        .synthesize = [inner,
                       synthesize = form->synthesize](const at::Tensor& c) { return inner->adjoint(synthesize(c)); },
        .eigenvalues = form->eigenvalues};
  }
  DataFilter inverse_filter(const FrequencyWindow& window) const override {
    return same_gram() ? inverse_filter_of(*outer_, window) : DataFilter();
  }
  BackProjection filtered_back_projection(const ViewWindow& window) const override {
    const BackProjection outer = same_gram() ? filtered_back_projection_of(*outer_, window) : BackProjection();
    if (!outer) return {};
    return [outer, inner = inner_](const at::Tensor& y) { return inner->adjoint(outer(y)); };
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return outer_->apply(inner_->apply(x)); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return inner_->adjoint(outer_->adjoint(y)); }
  at::Tensor do_normal(const at::Tensor& x) const override { return inner_->adjoint(outer_->normal(inner_->apply(x))); }

  /// A A^H is that of the outer operator.
  bool same_gram() const {
    return inner_->is_unitary() || dynamic_cast<const OrthonormalRows*>(inner_.get()) != nullptr;
  }

  LinearOperatorPtr outer_, inner_;
};

class Composition final : public Operator {
 public:
  Composition(OperatorPtr outer, OperatorPtr inner)
      : Operator(composed_name(*outer, *inner), inner->domain(), outer->range()),
        outer_(std::move(outer)),
        inner_(std::move(inner)) {}

  at::Tensor support() const override { return outer_->support(); }
  std::optional<ImageWindow> window() const override { return composed_window(*outer_, *inner_); }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return outer_->apply(inner_->apply(x)); }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override {
    return inner_->vjp(x, outer_->vjp(inner_->apply(x), v));
  }

  OperatorPtr outer_, inner_;
};

}  // namespace

OperatorPtr compose(OperatorPtr outer, OperatorPtr inner) {
  if (inner->range() != outer->domain()) {
    throw usage_error("compose", "'{}' gives {}, but '{}' expects {}; change the order or the sizes", inner->name(),
                      inner->range().to_string(), outer->name(), outer->domain().to_string());
  }
  const auto linear_outer = std::dynamic_pointer_cast<const LinearOperator>(outer);
  const auto linear_inner = std::dynamic_pointer_cast<const LinearOperator>(inner);
  if (linear_outer && linear_inner) return std::make_shared<LinearComposition>(linear_outer, linear_inner);
  return std::make_shared<Composition>(std::move(outer), std::move(inner));
}

}  // namespace recon
