#include <ATen/ATen.h>

#include "operators/algebra.h"
#include "operators/combinations/parts.h"
#include "recon/core/error.h"

namespace recon {
namespace {

class Adjoint final : public LinearOperator {
 public:
  explicit Adjoint(LinearOperatorPtr op)
      : LinearOperator("adjoint of " + op->name(), op->range(), op->domain()), op_(std::move(op)) {}

  bool is_unitary() const override { return op_->is_unitary(); }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return op_->adjoint(x); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return op_->apply(y); }

  LinearOperatorPtr op_;
};

/// Where the image begins in the larger one, per spatial axis.
std::int64_t crop_begin(std::int64_t padded, std::int64_t image) { return (padded - image) / 2; }

class Crop final : public LinearOperator, public OrthonormalRows {
 public:
  Crop(const TensorSpec& padded, const TensorSpec& image)
      : LinearOperator("crop " + to_string(padded.shape) + " to " + to_string(image.shape), padded, image) {}

  at::Tensor left_out() const override {
    const at::Tensor outside = at::ones(batched(1), at::kBool);
    window(outside).fill_(false);
    return outside.flatten().nonzero().squeeze(1);
  }

 private:
  Shape batched(std::int64_t items) const {
    Shape shape = domain().shape;
    shape.insert(shape.begin(), items);
    return shape;
  }
  at::Tensor window(at::Tensor large) const {
    const Shape &padded = domain().shape, &image = range().shape;
    for (std::size_t axis = 1; axis < image.size(); ++axis) {
      large = large.narrow(static_cast<std::int64_t>(axis) + 1, crop_begin(padded[axis], image[axis]), image[axis]);
    }
    return large;
  }
  at::Tensor do_apply(const at::Tensor& x) const override { return window(x).clone(at::MemoryFormat::Contiguous); }
  at::Tensor do_adjoint(const at::Tensor& y) const override {
    at::Tensor x = at::zeros(batched(y.size(0)), y.options());
    window(x).copy_(y);
    return x;
  }
};

TensorSpec parts_of(const TensorSpec& image) {
  TensorSpec parts{image.shape, ScalarKind::real};
  parts.shape[0] *= 2;
  return parts;
}

class ComplexFromParts final : public LinearOperator {
 public:
  explicit ComplexFromParts(const TensorSpec& image) : LinearOperator("complex from parts", parts_of(image), image) {}

  bool is_unitary() const override { return true; }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override {
    const std::int64_t channels = range().shape[0];
    return at::complex(x.narrow(1, 0, channels).contiguous(), x.narrow(1, channels, channels).contiguous());
  }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return at::cat({at::real(y), at::imag(y)}, 1); }
};

}  // namespace

LinearOperatorPtr adjoint_of(LinearOperatorPtr op) { return std::make_shared<Adjoint>(std::move(op)); }

LinearOperatorPtr crop(const TensorSpec& padded, const TensorSpec& image) {
  const std::size_t axes = image.shape.size();
  bool ok = padded.scalar == image.scalar && padded.shape.size() == axes && (axes == 3 || axes == 4) &&
            padded.shape[0] == image.shape[0];
  for (std::size_t axis = 1; ok && axis < axes; ++axis) ok = padded.shape[axis] >= image.shape[axis];
  if (!ok) throw internal_error("crop", "cannot cut {} out of {}", image.to_string(), padded.to_string());
  return std::make_shared<Crop>(padded, image);
}

LinearOperatorPtr complex_from_parts(const TensorSpec& complex_image) {
  if (complex_image.scalar != ScalarKind::complex || complex_image.shape.size() < 3) {
    throw internal_error("complex_from_parts", "expected a complex image [C, ...], got {}", complex_image.to_string());
  }
  return std::make_shared<ComplexFromParts>(complex_image);
}

}  // namespace recon
