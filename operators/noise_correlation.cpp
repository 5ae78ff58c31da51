#include "operators/noise_correlation.h"

#include <ATen/ATen.h>

#include "operators/algebra.h"
#include "operators/fourier/fft.h"
#include "operators/fourier/half_spectrum.h"
#include "operators/mri/seen_pixels.h"
#include "recon/core/device_constant.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// [K, K] Hermitian, float64 or complex128, to a power.
at::Tensor matrix_power(const at::Tensor& matrix, double power) {
  const auto [values, vectors] =
      at::linalg_eigh(matrix.is_complex() ? matrix.to(at::kComplexDouble) : matrix.to(at::kDouble));
  return at::matmul(vectors * values.pow(power), vectors.conj().t());
}

class ChannelMixing final : public LinearOperator {
 public:
  ChannelMixing(const TensorSpec& range, const at::Tensor& matrix, at::Tensor support)
      : LinearOperator("channel mixing", range, range), matrix_(matrix), support_(std::move(support)) {
    if (support_.defined()) mask_ = DeviceConstant(support_);
  }

  at::Tensor support() const override { return support_; }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override {
    const at::Tensor mixed = at::matmul(matrix_.like(x).to(x.scalar_type()), x.flatten(2)).view_as(x);
    return mask_.defined() ? mixed * mask_.like(x) : mixed;
  }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return do_apply(y); }  // Hermitian, mask included

  DeviceConstant matrix_, mask_;
  at::Tensor support_;
};

/// Real data, in the half spectrum.
class RealNoiseFilter final : public LinearOperator {
 public:
  RealNoiseFilter(const TensorSpec& range, const at::Tensor& centred) : LinearOperator("noise filter", range, range) {
    const std::int64_t height = centred.size(0), width = centred.size(1);
    const at::Tensor half = at::fft_ifftshift(centred).narrow(1, 0, width / 2 + 1).view({1, 1, height, width / 2 + 1});
    multiplier_ = DeviceConstant(half / static_cast<double>(height * width));
    eigenvalues_ = DeviceConstant(half.square());
  }

  std::optional<SpectralForm> spectral() const override {
    return half_spectrum_form(domain().shape[1], domain().shape[2], eigenvalues_);
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return apply_circulant(x, multiplier_.like(x)); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return do_apply(y); }

  DeviceConstant multiplier_, eigenvalues_;
};

class ComplexNoiseFilter final : public LinearOperator {
 public:
  ComplexNoiseFilter(const TensorSpec& range, const at::Tensor& centred)
      : LinearOperator("noise filter", range, range), multiplier_(centred.view({1, 1, centred.size(0), -1})) {}

  std::optional<SpectralForm> spectral() const override {
    return SpectralForm{.analyze = [](const at::Tensor& x) { return fft2_centred(x); },
                        .synthesize = [](const at::Tensor& c) { return ifft2_centred(c); },
                        .eigenvalues = [m = multiplier_](const at::Tensor& like) { return m.like(like).square(); }};
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override {
    return ifft2_centred(fft2_centred(x) * multiplier_.like(x));
  }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return do_apply(y); }

  DeviceConstant multiplier_;
};

bool complete(const at::Tensor& support) { return !support.defined() || (support != 0).all().item<bool>(); }

void require_told(const Operator& op, const NoiseCorrelation& noise) {
  const at::Tensor support = op.support();
  if (complete(support)) return;
  if (noise.spectrum.defined()) {
    throw usage_error("noise",
                      "the power_spectrum tells the noise of complete data, but '{}' leaves entries out; state a std "
                      "or a std_map",
                      op.name());
  }
  const at::Tensor measured = support.expand(op.range().shape) != 0;
  if (!at::equal(measured.any(0), measured.all(0))) {
    throw usage_error("noise",
                      "the covariance tells the noise of complete channels, but '{}' leaves entries of some out; leave "
                      "them out of all, or state a std_map",
                      op.name());
  }
}

}  // namespace

LinearOperatorPtr noise_filter(const NoiseCorrelation& noise, double power, const TensorSpec& range,
                               const at::Tensor& support) {
  if (const std::string fault = noise.fault(range); !fault.empty()) throw usage_error("noise", "{}", fault);
  if (noise.covariance.defined()) {
    return std::make_shared<ChannelMixing>(range, matrix_power(noise.covariance, power), support);
  }
  const at::Tensor centred = noise.spectrum.to(at::kDouble).pow(power);
  if (range.scalar == ScalarKind::real) return std::make_shared<RealNoiseFilter>(range, centred);
  return std::make_shared<ComplexNoiseFilter>(range, centred);
}

Prewhitening prewhitening_of(const OperatorPtr& op, const NoiseCorrelation& noise) {
  require_told(*op, noise);
  Prewhitening result{.op = nullptr, .filter = nullptr, .std = noise.typical_std()};
  result.filter = noise_filter(noise.scaled(1 / result.std), -0.5, op->range(), op->support());
  result.op = compose(result.filter, op);
  if (const at::Tensor seen = seen_pixels(*op); seen.defined()) {
    result.op = with_seen_pixels(as_linear(result.op, "noise"), seen);
  }
  return result;
}

}  // namespace recon
