#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <mutex>

namespace recon {

/// A convolution's weights in the order of the kernels, kept until the weights change.
class PackedWeights {
 public:
  /// Of `weight` [out, in, side, side], float32; `turned`: of the adjoint.
  at::Tensor of(const at::Tensor& weight, bool turned);

 private:
  struct Kept {
    const void* data = nullptr;
    std::uint32_t version = 0;
    at::Tensor packed;
  };
  std::mutex mutex_;
  Kept kept_[2];
};

/// Whether bfloat16_conv2d() takes them: on the CPU, has_avx512_bfloat16(), at stride 1 a kernel of 3x3 with one pixel
/// of padding or of 1x1, channels in and out multiples of 16.
bool takes_bfloat16_conv2d(const at::Tensor& x, const at::Tensor& weight, std::int64_t stride, std::int64_t padding);

/// The convolution in bfloat16 with sums in float32: bfloat16, channels last. The weights are float32 and rounded here;
/// their gradients are not rounded. Differentiable once.
at::Tensor bfloat16_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const std::shared_ptr<PackedWeights>& packed);

}  // namespace recon
