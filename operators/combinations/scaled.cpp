#include <ATen/ATen.h>

#include "operators/algebra.h"
#include "operators/inverse_filter.h"
#include "recon/core/device_constant.h"
#include "recon/core/error.h"

namespace recon {
namespace {

std::string scaled_name(const Operator& op, double factor) { return fmt::format("{} * {}", factor, op.name()); }

class LinearScaled final : public LinearOperator, public FilteredInverse {
 public:
  LinearScaled(LinearOperatorPtr op, double factor)
      : LinearOperator(scaled_name(*op, factor), op->domain(), op->range()), op_(std::move(op)), factor_(factor) {}

  at::Tensor support() const override { return op_->support(); }
  std::optional<ImageWindow> window() const override { return op_->window(); }
  bool is_unitary() const override { return op_->is_unitary() && std::abs(factor_) == 1; }

  std::optional<SpectralForm> spectral() const override {
    auto form = op_->spectral();
    if (form) {
      form->eigenvalues = [values = form->eigenvalues, square = factor_ * factor_](const at::Tensor& like) {
        return values(like) * square;
      };
    }
    return form;
  }
  DataFilter inverse_filter(const FrequencyWindow& window) const override {
    if (factor_ == 0) return {};
    const DataFilter inner = inverse_filter_of(
        *op_, [&, square = factor_ * factor_](double f, double filter) { return window(f, filter / square); });
    if (!inner) return {};
    return [inner, square = factor_ * factor_](const at::Tensor& y) { return inner(y).div_(square); };
  }
  BackProjection filtered_back_projection(const ViewWindow& window) const override {
    const BackProjection inner = factor_ == 0 ? BackProjection() : filtered_back_projection_of(*op_, window);
    if (!inner) return {};
    return [inner, factor = factor_](const at::Tensor& y) { return inner(y).div_(factor); };
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return op_->apply(x).mul_(factor_); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return op_->adjoint(y).mul_(factor_); }
  at::Tensor do_normal(const at::Tensor& x) const override { return op_->normal(x).mul_(factor_ * factor_); }

  LinearOperatorPtr op_;
  double factor_;
};

class Scaled final : public Operator {
 public:
  Scaled(OperatorPtr op, double factor)
      : Operator(scaled_name(*op, factor), op->domain(), op->range()), op_(std::move(op)), factor_(factor) {}

  at::Tensor support() const override { return op_->support(); }
  std::optional<ImageWindow> window() const override { return op_->window(); }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return op_->apply(x).mul_(factor_); }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override { return op_->vjp(x, v).mul_(factor_); }

  OperatorPtr op_;
  double factor_;
};

std::string affine_input_name(const Operator& op, double scale, double offset) {
  return fmt::format("{} on {} x + {}", op.name(), scale, offset);
}

/// x -> A(scale x + offset): affine for a linear A, hence not a LinearOperator unless offset = 0.
class WithAffineInput final : public Operator {
 public:
  WithAffineInput(OperatorPtr op, double scale, double offset)
      : Operator(affine_input_name(*op, scale, offset), op->domain(), op->range()),
        op_(std::move(op)),
        scale_(scale),
        offset_(offset) {}

  at::Tensor support() const override { return op_->support(); }
  std::optional<ImageWindow> window() const override { return op_->window(); }

  std::optional<MagnitudeForm> magnitude() const override {
    auto form = op_->magnitude();
    if (!form || scale_ == 0) return std::nullopt;
    form->embed = [embed = form->embed, a = scale_, b = offset_](const at::Tensor& x) { return embed(x * a + b); };
    form->extract = [extract = form->extract, a = scale_, b = offset_](const at::Tensor& u) {
      return (extract(u) - b) / a;
    };
    return form;
  }

 private:
  at::Tensor inside(const at::Tensor& x) const { return x * scale_ + offset_; }
  at::Tensor do_apply(const at::Tensor& x) const override { return op_->apply(inside(x)); }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override {
    return op_->vjp(inside(x), v).mul_(scale_);
  }

  OperatorPtr op_;
  double scale_, offset_;
};

std::string whitened_name(const Operator& op) { return "whitened " + op.name(); }

class LinearWhitened final : public LinearOperator, public FilteredInverse {
 public:
  LinearWhitened(LinearOperatorPtr op, const at::Tensor& weights)
      : LinearOperator(whitened_name(*op), op->domain(), op->range()), op_(std::move(op)), weights_(weights) {}

  at::Tensor support() const override { return op_->support(); }
  std::optional<ImageWindow> window() const override { return op_->window(); }
  DataFilter inverse_filter(const FrequencyWindow& window) const override {
    const double square = weights_.value().square().mean().item<double>();
    const DataFilter inner =
        inverse_filter_of(*op_, [&](double f, double filter) { return window(f, filter / square); });
    if (!inner || (weights_.value() == 0).any().item<bool>()) return {};
    return [inner, weights = weights_](const at::Tensor& y) { return inner(y / weights.like(y)) / weights.like(y); };
  }
  BackProjection filtered_back_projection(const ViewWindow& window) const override {
    const BackProjection inner = filtered_back_projection_of(*op_, window);
    if (!inner || (weights_.value() == 0).any().item<bool>()) return {};
    return [inner, weights = weights_](const at::Tensor& y) { return inner(y / weights.like(y)); };
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return op_->apply(x).mul_(weights_.like(x)); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return op_->adjoint(y * weights_.like(y)); }

  LinearOperatorPtr op_;
  DeviceConstant weights_;
};

class Whitened final : public Operator {
 public:
  Whitened(OperatorPtr op, const at::Tensor& weights)
      : Operator(whitened_name(*op), op->domain(), op->range()), op_(std::move(op)), weights_(weights) {}

  at::Tensor support() const override { return op_->support(); }
  std::optional<ImageWindow> window() const override { return op_->window(); }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return op_->apply(x).mul_(weights_.like(x)); }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override {
    return op_->vjp(x, v * weights_.like(v));
  }

  OperatorPtr op_;
  DeviceConstant weights_;
};

}  // namespace

OperatorPtr scaled(OperatorPtr op, double factor) {
  if (!std::isfinite(factor)) throw usage_error("scale", "the factor must be finite, got {}", factor);
  auto linear = std::dynamic_pointer_cast<const LinearOperator>(op);
  if (linear) return std::make_shared<LinearScaled>(std::move(linear), factor);
  return std::make_shared<Scaled>(std::move(op), factor);
}

OperatorPtr with_affine_input(OperatorPtr op, double scale, double offset) {
  if (!std::isfinite(scale) || !std::isfinite(offset)) {
    throw usage_error("with_affine_input", "scale and offset must be finite, got {} and {}", scale, offset);
  }
  if (offset == 0 && op->is_linear()) return scaled(std::move(op), scale);
  return std::make_shared<WithAffineInput>(std::move(op), scale, offset);
}

OperatorPtr whitened(OperatorPtr op, const at::Tensor& weights) {
  const Shape& range = op->range().shape;
  const bool ok = !weights.is_complex() && weights.dim() == static_cast<std::int64_t>(range.size()) + 1 &&
                  at::is_expandable_to(weights.sizes().slice(1), range) && at::isfinite(weights).all().item<bool>();
  if (!ok) {
    throw internal_error("whitened", "expected finite real weights [1 or batch, ...] that broadcast to {}, got {}",
                         to_string(range), to_string(shape_of(weights)));
  }
  auto linear = std::dynamic_pointer_cast<const LinearOperator>(op);
  if (linear) return std::make_shared<LinearWhitened>(std::move(linear), weights);
  return std::make_shared<Whitened>(std::move(op), weights);
}

}  // namespace recon
