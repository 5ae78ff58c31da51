#include "operators/mri/coilwise_normal.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>

#include "operators/approximate_normal.h"
#include "operators/fourier/fft.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

class CoilwiseNormal final : public LinearOperator, public ApproximateNormal {
 public:
  CoilwiseNormal(LinearOperatorPtr composed, SharedCoilMaps coils, const at::Tensor& multiplier)
      : LinearOperator(composed->name(), composed->domain(), composed->range()),
        composed_(std::move(composed)),
        coils_(std::move(coils)),
        filter_(multiplier),
        padded_(multiplier.size(0) > domain().shape[1] || multiplier.size(1) > domain().shape[2]) {}

  at::Tensor support() const override { return composed_->support(); }
  bool is_unitary() const override { return composed_->is_unitary(); }
  double normal_error() const override { return normal_error_of(*composed_); }
  std::optional<SpectralForm> spectral() const override { return composed_->spectral(); }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return composed_->apply(x); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return composed_->adjoint(y); }

  at::Tensor do_normal(const at::Tensor& x) const override {
    if (!x.is_cpu()) return composed_->normal(x);
    const at::Tensor maps = coils_.maps.like(x)[0], conjugate = coils_.conjugate.like(x)[0];  // [C, coils, H, W]
    const at::Tensor images = x.to(complex_dtype(x)), sum = at::zeros_like(images);
    const std::int64_t coils = maps.size(1), at_once = std::min<std::int64_t>(coils, at::get_num_threads());
    const at::Tensor work = filter_.work(at_once, images.options());
    for (std::int64_t item = 0; item < x.size(0); ++item) {
      for (std::int64_t coil = 0; coil < coils; coil += at_once) {
        const std::int64_t count = std::min(at_once, coils - coil);
        at::Tensor all = work.narrow(0, 0, count);
        if (padded_) all.zero_();
        at::Tensor seen = all.narrow(1, 0, x.size(2)).narrow(2, 0, x.size(3));
        at::mul_out(seen, maps[0].narrow(0, coil, count), images[item][0]);
        for (std::int64_t s = 1; s < maps.size(0); ++s) seen.addcmul_(maps[s].narrow(0, coil, count), images[item][s]);
        filter_.apply_(all);
        for (std::int64_t c = 0; c < count; ++c) sum[item].addcmul_(conjugate.select(1, coil + c), seen[c]);
      }
    }
    return domain().scalar == ScalarKind::real ? at::real(sum).contiguous() : sum;
  }

  LinearOperatorPtr composed_;
  SharedCoilMaps coils_;
  ImageFilter filter_;
  bool padded_;
};

}  // namespace

LinearOperatorPtr with_coilwise_normal(LinearOperatorPtr composed, SharedCoilMaps coils, const at::Tensor& multiplier) {
  return std::make_shared<CoilwiseNormal>(std::move(composed), std::move(coils), multiplier);
}

}  // namespace recon
