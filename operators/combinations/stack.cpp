#include <ATen/ATen.h>

#include "operators/algebra.h"
#include "operators/combinations/parts.h"
#include "recon/core/error.h"

namespace recon {
namespace {

std::string stack_name(const std::vector<OperatorPtr>& parts) { return "stack(" + joined_names(parts) + ")"; }

TensorSpec stacked_range(const std::vector<OperatorPtr>& parts) {
  std::int64_t length = 0;
  for (const auto& part : parts) length += part->range().numel();
  return {{length}, parts[0]->range().scalar};
}

/// The parts' supports one after the other; undefined when every part measures everything.
at::Tensor stacked_support(const std::vector<OperatorPtr>& parts) {
  std::vector<at::Tensor> pieces;
  bool everything = true;
  for (const auto& part : parts) {
    const at::Tensor support = part->support();
    everything = everything && !support.defined();
    const at::Tensor one = support.defined() ? support : at::ones({1}, at::kDouble);
    pieces.push_back(at::broadcast_to(one, part->range().shape).flatten());
  }
  return everything ? at::Tensor() : at::cat(pieces);
}

template <class Parts>
at::Tensor stacked(const Parts& parts, const at::Tensor& x) {
  std::vector<at::Tensor> pieces;
  for (const auto& part : parts) pieces.push_back(part->apply(x).flatten(1));
  return at::cat(pieces, 1);
}

/// sum_i map(part_i, v_i) over the pieces v_i of a stacked vector.
template <class Parts, class Map>
at::Tensor unstacked_total(const Parts& parts, const at::Tensor& v, const Map& map) {
  at::Tensor result;
  std::int64_t begin = 0;
  for (const auto& part : parts) {
    const std::int64_t length = part->range().numel();
    Shape shape = part->range().shape;
    shape.insert(shape.begin(), v.size(0));
    const at::Tensor term = map(*part, v.narrow(1, begin, length).reshape(shape));
    result = result.defined() ? result + term : term;
    begin += length;
  }
  return result;
}

class LinearStack final : public LinearOperator {
 public:
  LinearStack(const std::vector<OperatorPtr>& parts, std::vector<LinearOperatorPtr> linear)
      : LinearOperator(stack_name(parts), parts[0]->domain(), stacked_range(parts)),
        parts_(std::move(linear)),
        support_(stacked_support(parts)),
        window_(shared_window(parts)) {}

  at::Tensor support() const override { return support_; }
  std::optional<ImageWindow> window() const override { return window_; }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return stacked(parts_, x); }
  at::Tensor do_adjoint(const at::Tensor& y) const override {
    return unstacked_total(parts_, y,
                           [](const LinearOperator& part, const at::Tensor& piece) { return part.adjoint(piece); });
  }
  at::Tensor do_normal(const at::Tensor& x) const override {
    at::Tensor result = parts_[0]->normal(x);
    for (std::size_t i = 1; i < parts_.size(); ++i) result += parts_[i]->normal(x);
    return result;
  }

  std::vector<LinearOperatorPtr> parts_;
  at::Tensor support_;
  std::optional<ImageWindow> window_;
};

class Stack final : public Operator {
 public:
  explicit Stack(std::vector<OperatorPtr> parts)
      : Operator(stack_name(parts), parts[0]->domain(), stacked_range(parts)),
        parts_(std::move(parts)),
        support_(stacked_support(parts_)),
        window_(shared_window(parts_)) {}

  at::Tensor support() const override { return support_; }
  std::optional<ImageWindow> window() const override { return window_; }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return stacked(parts_, x); }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override {
    return unstacked_total(parts_, v,
                           [&](const Operator& part, const at::Tensor& piece) { return part.vjp(x, piece); });
  }

  std::vector<OperatorPtr> parts_;
  at::Tensor support_;
  std::optional<ImageWindow> window_;
};

}  // namespace

OperatorPtr stack(std::vector<OperatorPtr> parts) {
  if (parts.empty()) throw usage_error("stack", "expected at least one operator, got none");
  for (const auto& part : parts) {
    if (part->domain() != parts[0]->domain() || part->range().scalar != parts[0]->range().scalar) {
      throw usage_error("stack", "all parts must act on {} and give the same kind of scalars, but '{}' maps {} to {}",
                        parts[0]->domain().to_string(), part->name(), part->domain().to_string(),
                        part->range().to_string());
    }
  }
  auto linear = linear_parts(parts);
  if (!linear.empty()) return std::make_shared<LinearStack>(parts, std::move(linear));
  return std::make_shared<Stack>(std::move(parts));
}

}  // namespace recon
