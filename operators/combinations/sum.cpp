#include <ATen/ATen.h>

#include "operators/algebra.h"
#include "operators/combinations/parts.h"
#include "recon/core/error.h"

namespace recon {
namespace {

std::string sum_name(const std::vector<OperatorPtr>& terms) { return "sum(" + joined_names(terms) + ")"; }

/// The union of the terms' supports; undefined as soon as one term measures everything.
at::Tensor united_support(const std::vector<OperatorPtr>& terms) {
  at::Tensor united;
  for (const auto& term : terms) {
    const at::Tensor support = term->support();
    if (!support.defined()) return {};
    united = united.defined() ? at::maximum(united, support) : support;
  }
  return united;
}

template <class Terms, class Map>
at::Tensor total(const Terms& terms, const Map& map) {
  at::Tensor result = map(*terms[0]);
  for (std::size_t i = 1; i < terms.size(); ++i) result += map(*terms[i]);
  return result;
}

class LinearSum final : public LinearOperator {
 public:
  LinearSum(const std::vector<OperatorPtr>& terms, std::vector<LinearOperatorPtr> linear)
      : LinearOperator(sum_name(terms), terms[0]->domain(), terms[0]->range()),
        terms_(std::move(linear)),
        support_(united_support(terms)),
        window_(shared_window(terms)) {}

  at::Tensor support() const override { return support_; }
  std::optional<ImageWindow> window() const override { return window_; }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override {
    return total(terms_, [&](const LinearOperator& term) { return term.apply(x); });
  }
  at::Tensor do_adjoint(const at::Tensor& y) const override {
    return total(terms_, [&](const LinearOperator& term) { return term.adjoint(y); });
  }

  std::vector<LinearOperatorPtr> terms_;
  at::Tensor support_;
  std::optional<ImageWindow> window_;
};

class Sum final : public Operator {
 public:
  explicit Sum(std::vector<OperatorPtr> terms)
      : Operator(sum_name(terms), terms[0]->domain(), terms[0]->range()),
        terms_(std::move(terms)),
        support_(united_support(terms_)),
        window_(shared_window(terms_)) {}

  at::Tensor support() const override { return support_; }
  std::optional<ImageWindow> window() const override { return window_; }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override {
    return total(terms_, [&](const Operator& term) { return term.apply(x); });
  }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override {
    return total(terms_, [&](const Operator& term) { return term.vjp(x, v); });
  }

  std::vector<OperatorPtr> terms_;
  at::Tensor support_;
  std::optional<ImageWindow> window_;
};

}  // namespace

OperatorPtr sum(std::vector<OperatorPtr> terms) {
  if (terms.empty()) throw usage_error("sum", "expected at least one operator, got none");
  for (const auto& term : terms) {
    if (term->domain() != terms[0]->domain() || term->range() != terms[0]->range()) {
      throw usage_error("sum", "all terms must map {} to {}, but '{}' maps {} to {}", terms[0]->domain().to_string(),
                        terms[0]->range().to_string(), term->name(), term->domain().to_string(),
                        term->range().to_string());
    }
  }
  auto linear = linear_parts(terms);
  if (!linear.empty()) return std::make_shared<LinearSum>(terms, std::move(linear));
  return std::make_shared<Sum>(std::move(terms));
}

}  // namespace recon
