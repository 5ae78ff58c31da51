#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <mutex>

namespace recon {

/// A convolution's weights in the order of the kernels. Those of at most 4 MiB are kept until the weights change.
/// Larger ones are made for each call, which takes as long as a convolution of some 12x12 pixels: kept, they would take
/// up to four times the memory of the network.
class PackedWeights {
 public:
  /// Of `weight` [out, in, side, side], float32, for entries of float32 or bfloat16; `turned`: of the adjoint.
  at::Tensor of(const at::Tensor& weight, bool turned, at::ScalarType entries);

 private:
  struct Kept {
    const void* data = nullptr;
    std::uint32_t version = 0;
    at::Tensor packed;
  };
  std::mutex mutex_;
  Kept kept_[2];
};

/// Whether avx512_conv2d() takes them in the precision of the scope (PrecisionScope): on the CPU, at stride 1 a kernel
/// of 3x3 with one pixel of padding or of 1x1, channels in and out multiples of 16, pictures of 12x12 pixels or more
/// where PackedWeights are not kept, float32 where has_avx512(), bfloat16 where has_avx512_bfloat16().
bool takes_avx512_conv2d(const at::Tensor& x, const at::Tensor& weight, std::int64_t stride, std::int64_t padding);

/// The convolution in the precision of the scope, with sums in float32; channels last. The weights are float32, their
/// gradients too; `bias` may be undefined. Differentiable once.
at::Tensor avx512_conv2d(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                         const std::shared_ptr<PackedWeights>& packed);

}  // namespace recon
