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
      : LinearOperator("crop " + to_string(padded.shape) + " to " + to_string(image.shape), padded, image),
        top_(crop_begin(padded.shape[1], image.shape[1])),
        left_(crop_begin(padded.shape[2], image.shape[2])) {}

  at::Tensor left_out() const override {
    const at::Tensor outside = at::ones({1, domain().shape[0], domain().shape[1], domain().shape[2]}, at::kBool);
    window(outside).fill_(false);
    return outside.flatten().nonzero().squeeze(1);
  }

 private:
  at::Tensor window(const at::Tensor& large) const {
    return large.narrow(2, top_, range().shape[1]).narrow(3, left_, range().shape[2]);
  }
  at::Tensor do_apply(const at::Tensor& x) const override { return window(x).clone(at::MemoryFormat::Contiguous); }
  at::Tensor do_adjoint(const at::Tensor& y) const override {
    const Shape& shape = domain().shape;
    at::Tensor x = at::zeros({y.size(0), shape[0], shape[1], shape[2]}, y.options());
    window(x).copy_(y);
    return x;
  }

  std::int64_t top_, left_;
};

TensorSpec parts_of(const TensorSpec& image) {
  return {{2 * image.shape[0], image.shape[1], image.shape[2]}, ScalarKind::real};
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
  const bool ok = padded.scalar == image.scalar && padded.shape.size() == 3 && image.shape.size() == 3 &&
                  padded.shape[0] == image.shape[0] && padded.shape[1] >= image.shape[1] &&
                  padded.shape[2] >= image.shape[2];
  if (!ok) throw internal_error("crop", "cannot cut {} out of {}", image.to_string(), padded.to_string());
  return std::make_shared<Crop>(padded, image);
}

LinearOperatorPtr complex_from_parts(const TensorSpec& complex_image) {
  if (complex_image.scalar != ScalarKind::complex || complex_image.shape.size() != 3) {
    throw internal_error("complex_from_parts", "expected a complex [C, H, W] image, got {}", complex_image.to_string());
  }
  return std::make_shared<ComplexFromParts>(complex_image);
}

}  // namespace recon
