#include "operators/operator.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "operators/conjugate_gradient.h"
#include "operators/unsuitable_operator.h"
#include "recon/core/error.h"

namespace recon {

at::Tensor ImageWindow::of(const at::Tensor& x) const {
  const at::Tensor slices = depth > 0 ? x.narrow(-3, front, depth) : x;
  return slices.narrow(-2, top, height).narrow(-1, left, width);
}

std::vector<std::int64_t> ImageWindow::shape_in(std::vector<std::int64_t> image) const {
  const std::size_t axes = image.size();
  if (depth > 0) image[axes - 3] = depth;
  image[axes - 2] = height;
  image[axes - 1] = width;
  return image;
}

at::Tensor in_window(const at::Tensor& images, const Operator& op) {
  const auto window = op.window();
  return window && images.defined() ? window->of(images) : images;
}

at::Tensor Operator::apply(const at::Tensor& x) const {
  require(x, domain_, name_ + ".apply");
  const c10::NoGradGuard no_grad;
  at::Tensor y = do_apply(x);
  require(y, range_, "result of " + name_ + ".apply");
  return y;
}

at::Tensor Operator::vjp(const at::Tensor& x, const at::Tensor& v) const {
  require(x, domain_, name_ + ".vjp, x");
  require(v, range_, name_ + ".vjp, v");
  const c10::NoGradGuard no_grad;
  at::Tensor result = do_vjp(x, v);
  require(result, domain_, "result of " + name_ + ".vjp");
  return result;
}

at::Tensor Operator::gradient(const at::Tensor& x, const at::Tensor& y) const {
  require(y, range_, name_ + ".gradient, y");
  const c10::NoGradGuard no_grad;
  return vjp(x, apply(x).sub_(y));
}

std::int64_t Operator::measured_components() const {
  const at::Tensor mask = support();
  if (!mask.defined()) return range_.real_components();
  const auto entries = at::broadcast_to(mask, range_.shape).sum().item<double>();
  return static_cast<std::int64_t>(entries) * (range_.scalar == ScalarKind::complex ? 2 : 1);
}

at::Tensor SpectralForm::filter(const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& f) const {
  const c10::NoGradGuard no_grad;
  return synthesize(analyze(x) * f(eigenvalues(x)));
}

at::Tensor LinearOperator::adjoint(const at::Tensor& y) const {
  require(y, range(), name() + ".adjoint");
  const c10::NoGradGuard no_grad;
  at::Tensor x = do_adjoint(y);
  require(x, domain(), "result of " + name() + ".adjoint");
  return x;
}

at::Tensor LinearOperator::normal(const at::Tensor& x) const {
  require(x, domain(), name() + ".normal");
  const c10::NoGradGuard no_grad;
  at::Tensor result = do_normal(x);
  require(result, domain(), "result of " + name() + ".normal");
  return result;
}

at::Tensor LinearOperator::do_normal(const at::Tensor& x) const { return adjoint(apply(x)); }

at::Tensor LinearOperator::solve_shifted(const at::Tensor& b, const at::Tensor& shift,
                                         const IterativeSolve& options) const {
  require(b, domain(), name() + ".solve_shifted");
  const c10::NoGradGuard no_grad;
  // Shifts that a device computes are not waited for: a wrong one shows in what comes of it.
  if ((shift.numel() != 1 && shift.numel() != b.size(0)) || (shift.is_cpu() && (shift <= 0).any().item<bool>())) {
    throw internal_error(name() + ".solve_shifted", "expected one positive shift, or one per item of the batch");
  }
  if (const auto form = spectral()) {
    return form->filter(b, [&](const at::Tensor& values) { return (values + per_item(shift, values)).reciprocal(); });
  }
  const at::Tensor factor = per_item(shift, b);
  const auto matrix = [&](const at::Tensor& x) { return normal(x).add_(x * factor); };
  return conjugate_gradient(matrix, b, {}, options).x;
}

at::Tensor LinearOperator::pseudo_inverse(const at::Tensor& y, const IterativeSolve& options) const {
  const at::Tensor b = adjoint(y);
  if (const auto form = spectral()) {
    const double cutoff = real_dtype(y) == at::kDouble ? 1e-10 : 1e-6;
    return form->filter(b, [&](const at::Tensor& values) {
      return at::where(values > values.max() * cutoff, values.reciprocal(), at::zeros_like(values));
    });
  }
  return conjugate_gradient([this](const at::Tensor& x) { return normal(x); }, b, {}, options).x;
}

LinearOperatorPtr as_linear(const OperatorPtr& op, const std::string& needed_by) {
  auto linear = std::dynamic_pointer_cast<const LinearOperator>(op);
  if (linear == nullptr) {
    throw UnsuitableOperator(needed_by,
                             "needs a linear operator, got the nonlinear '{}'; use a solver that works from the "
                             "gradient alone, such as dps",
                             op->name());
  }
  return linear;
}

}  // namespace recon
