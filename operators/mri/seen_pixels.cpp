#include "operators/mri/seen_pixels.h"

#include <ATen/ATen.h>

#include <utility>

namespace recon {
namespace {

class SeenInPart final : public LinearOperator {
 public:
  SeenInPart(LinearOperatorPtr op, const at::Tensor& seen)
      : LinearOperator(op->name(), op->domain(), op->range()),
        op_(std::move(op)),
        seen_(seen.to(at::kCPU, at::kDouble).expand(domain().shape).contiguous()) {}

  const at::Tensor& seen() const { return seen_; }
  at::Tensor support() const override { return op_->support(); }
  std::optional<ImageWindow> window() const override { return op_->window(); }
  bool is_unitary() const override { return op_->is_unitary(); }
  std::optional<SpectralForm> spectral() const override { return op_->spectral(); }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return op_->apply(x); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return op_->adjoint(y); }
  at::Tensor do_normal(const at::Tensor& x) const override { return op_->normal(x); }

  LinearOperatorPtr op_;
  at::Tensor seen_;
};

}  // namespace

LinearOperatorPtr with_seen_pixels(LinearOperatorPtr op, const at::Tensor& seen) {
  return std::make_shared<SeenInPart>(std::move(op), seen);
}

at::Tensor seen_pixels(const Operator& op) {
  const auto* partial = dynamic_cast<const SeenInPart*>(&op);
  return partial != nullptr ? partial->seen() : at::Tensor();
}

}  // namespace recon
