#include "operators/nonlinear/fourier_magnitude.h"

#include <ATen/ATen.h>

#include <cmath>

#include "operators/algebra.h"
#include "operators/fourier/fft.h"
#include "operators/masks.h"
#include "recon/core/error.h"

namespace recon {
namespace {

std::int64_t padded(std::int64_t extent, double oversampling) {
  const auto wanted = static_cast<std::int64_t>(std::llround(oversampling * static_cast<double>(extent)));
  return std::max(extent, wanted + wanted % 2);
}

TensorSpec padded(const TensorSpec& image, double oversampling) {
  return {{image.shape[0], padded(image.shape[1], oversampling), padded(image.shape[2], oversampling)}, image.scalar};
}

class FourierMagnitude final : public Operator {
 public:
  FourierMagnitude(const TensorSpec& image, double oversampling)
      : Operator(fmt::format("fourier_magnitude(oversampling {:g})", oversampling), image,
                 {padded(image, oversampling).shape, ScalarKind::real}),
        crop_(crop(padded(image, oversampling), image)) {}

  std::optional<MagnitudeForm> magnitude() const override {
    const bool is_real = domain().scalar == ScalarKind::real;
    return MagnitudeForm{.embed = [crop = crop_](const at::Tensor& x) { return crop->adjoint(x); },
                         .extract = [crop = crop_](const at::Tensor& u) { return crop->apply(u); },
                         .transform = fft2_centred,
                         .inverse =
                             [is_real](const at::Tensor& k) {
                               const at::Tensor u = ifft2_centred(k);
                               return is_real ? at::real(u).contiguous() : u;
                             }};
  }

 private:
  at::Tensor spectrum(const at::Tensor& x) const { return fft2_centred(crop_->adjoint(x)); }
  at::Tensor do_apply(const at::Tensor& x) const override { return spectrum(x).abs(); }
  at::Tensor do_vjp(const at::Tensor& x, const at::Tensor& v) const override {
    const at::Tensor padded_gradient = ifft2_centred(v * at::sgn(spectrum(x)));
    return crop_->apply(domain().scalar == ScalarKind::real ? at::real(padded_gradient).contiguous() : padded_gradient);
  }

  LinearOperatorPtr crop_;
};

struct FourierMagnitudeOptions {
  double oversampling = 2;

  void visit(ParameterVisitor& v) {
    v.field("oversampling", oversampling, "height and width of the padded image, in those of the image",
            {.min = 1, .max = 8});
  }
};

OperatorPtr fourier_magnitude_from(const FourierMagnitudeOptions& options, const TensorSpec& image,
                                   const std::string& location) {
  require_image(image, location);
  return make_fourier_magnitude(image, options.oversampling);
}

}  // namespace

OperatorPtr make_fourier_magnitude(const TensorSpec& image, double oversampling) {
  if (!(oversampling >= 1))
    throw internal_error("fourier_magnitude", "expected oversampling >= 1, got {}", oversampling);
  return std::make_shared<FourierMagnitude>(image, oversampling);
}

OperatorKind fourier_magnitude_kind() {
  return OperatorKind::of<FourierMagnitudeOptions>(
      {.name = "fourier_magnitude",
       .summary = "magnitudes of the padded Fourier transform: phase retrieval; not linear",
       .examples = {R"({"type": "fourier_magnitude"})", R"({"type": "fourier_magnitude", "oversampling": 1.5})"}},
      fourier_magnitude_from);
}

}  // namespace recon
