#include <ATen/ATen.h>

#include "operators/algebra.h"
#include "operators/combinations/parts.h"
#include "operators/inverse_filter.h"
#include "recon/core/error.h"

namespace recon {
namespace {

std::string composed_name(const Operator& outer, const Operator& inner) {
  return outer.name() + " after " + inner.name();
}

class LinearComposition final : public LinearOperator, public FilteredInverse {
 public:
  LinearComposition(LinearOperatorPtr outer, LinearOperatorPtr inner)
      : LinearOperator(composed_name(*outer, *inner), inner->domain(), outer->range()),
        outer_(std::move(outer)),
        inner_(std::move(inner)) {}

  at::Tensor support() const override { return outer_->support(); }
  bool is_unitary() const override { return outer_->is_unitary() && inner_->is_unitary(); }

  std::optional<SpectralForm> spectral() const override {
    if (outer_->is_unitary()) return inner_->spectral();  // (U A)^H U A = A^H A
    auto form = outer_->spectral();
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
    const bool same_gram = inner_->is_unitary() || dynamic_cast<const OrthonormalRows*>(inner_.get()) != nullptr;
    return same_gram ? inverse_filter_of(*outer_, window) : DataFilter();
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return outer_->apply(inner_->apply(x)); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return inner_->adjoint(outer_->adjoint(y)); }
  at::Tensor do_normal(const at::Tensor& x) const override { return inner_->adjoint(outer_->normal(inner_->apply(x))); }

  LinearOperatorPtr outer_, inner_;
};

class Composition final : public Operator {
 public:
  Composition(OperatorPtr outer, OperatorPtr inner)
      : Operator(composed_name(*outer, *inner), inner->domain(), outer->range()),
        outer_(std::move(outer)),
        inner_(std::move(inner)) {}

  at::Tensor support() const override { return outer_->support(); }

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
