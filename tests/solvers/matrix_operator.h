#pragma once

#include <ATen/ATen.h>

#include "operators/operator.h"
#include "recon/core/device_constant.h"

namespace recon::test {

/// y = M x on the flattened image, for tests in which the operator is to be as plain as possible.
class MatrixOperator final : public LinearOperator {
 public:
  MatrixOperator(const at::Tensor& matrix, const Shape& image)
      : LinearOperator("matrix", {image, ScalarKind::real}, {{matrix.size(0)}, ScalarKind::real}), matrix_(matrix) {}

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return at::matmul(x.flatten(1), matrix_.like(x).t()); }
  at::Tensor do_adjoint(const at::Tensor& y) const override {
    Shape shape = domain().shape;
    shape.insert(shape.begin(), y.size(0));
    return at::matmul(y, matrix_.like(y)).reshape(shape);
  }

  DeviceConstant matrix_;
};

}  // namespace recon::test
