#include "operators/identity.h"

#include <ATen/ATen.h>

namespace recon {
namespace {

class Identity final : public LinearOperator {
 public:
  explicit Identity(const TensorSpec& spec) : LinearOperator("identity", spec, spec) {}

  bool is_unitary() const override { return true; }
  std::optional<SpectralForm> spectral() const override {
    return SpectralForm{.analyze = [](const at::Tensor& x) { return x; },
                        .synthesize = [](const at::Tensor& c) { return c; },
                        .eigenvalues =
                            [rank = domain().shape.size() + 1](const at::Tensor& like) {
                              return at::ones(Shape(rank, 1), like.options().dtype(real_dtype(like)));
                            }};
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return x.clone(); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return y.clone(); }
  at::Tensor do_normal(const at::Tensor& x) const override { return x.clone(); }
};

}  // namespace

LinearOperatorPtr make_identity(const TensorSpec& spec) { return std::make_shared<Identity>(spec); }

OperatorKind identity_kind() {
  return OperatorKind::of<NoOptions>(
      {.name = "identity", .summary = "the image itself, for denoising", .examples = {R"({"type": "identity"})"}},
      [](const NoOptions&, const TensorSpec& image, const std::string&) { return make_identity(image); });
}

}  // namespace recon
