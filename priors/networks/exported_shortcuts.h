#pragma once

#include <ATen/core/ivalue.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "priors/networks/avx512_convolution.h"

namespace recon {

// How recon carries out calls of exported graphs as it does those of its own networks: channels last (channels_last.h),
// norms with the activation after them by fused_norm(), convolutions by avx512_conv2d(). The results are those of the
// operators but for rounding. No operator of a graph writes to its arguments, so that a result may share memory with
// them.

/// Operators for which there is another way.
enum class Shortcut {
  none,
  same,
  unit,
  reshape,
  group_norm,
  native_group_norm,
  instance_norm,
  concatenation,
  conv2d,
  convolution
};

/// Of a target, "torch.ops.aten.clone.default".
Shortcut shortcut_of(const std::string& target);

/// Whether it is a norm, or a convolution, in one of its forms.
bool is_norm(Shortcut shortcut);
bool is_convolution(Shortcut shortcut);

/// The (first) result of an operator for the arguments of its schema, with `silu` after it; none where only the
/// operator itself knows. `packed`: of a convolution's weight, null where that is no parameter.
std::optional<at::Tensor> take_shortcut(Shortcut shortcut, const std::vector<c10::IValue>& arguments, bool silu,
                                        const std::shared_ptr<PackedWeights>& packed);

/// Makes the arguments of an operator lie as it wants them: images of convolutions channels last, and rows of attention
/// dense, without which LibTorch takes its slow kernel.
void lay_out(Shortcut shortcut, const std::string& target, std::vector<c10::IValue>& arguments);

/// Whether a graph with this operator runs in the order of memory that it was written with: the operator gives strides
/// or reads elements as others, or its kernels work on planes or rows of pixels (Fourier transforms, attention between
/// channels), where channels last costs more than it gains.
bool keeps_planes(const std::string& target);

}  // namespace recon
