#include "priors/networks/fused_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "priors/networks/avx512.h"
#include "priors/networks/entry_type.h"
#include "priors/networks/norm_kernels.h"

namespace recon {
namespace {

/// The four rows of [4, B, C].
NormCoefficients rows_of(const at::Tensor& coefficients) {
  auto* first = coefficients.mutable_data_ptr<float>();
  const std::int64_t row = coefficients.size(1) * coefficients.size(2);
  return {first, first + row, first + 2 * row, first + 3 * row};
}

NormSize norm_size(const at::Tensor& x, std::int64_t groups) {
  return {.images = x.size(0), .pixels = x.size(2) * x.size(3), .channels = x.size(1), .groups = groups};
}

struct Norm : torch::autograd::Function<Norm> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, std::int64_t groups, double eps, bool silu) {
    const NormSize size = norm_size(x, groups);
    const at::Tensor coefficients = at::empty({4, size.images, size.channels}, weight.options());
    const at::Tensor y = at::empty_like(x);
    with_entry_of(x, [&]<class Entry>(Entry*) {
      const auto* from = x.const_data_ptr<Entry>();
      norm_coefficients(size, from, weight.const_data_ptr<float>(), bias.const_data_ptr<float>(), eps,
                        rows_of(coefficients));
      apply_norm(size, from, rows_of(coefficients), silu, y.mutable_data_ptr<Entry>());
    });
    context->save_for_backward({x, weight, coefficients});
    context->saved_data["groups"] = groups;
    context->saved_data["silu"] = silu;
    return y;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &coefficients = saved[2];
    const NormSize size = norm_size(x, context->saved_data["groups"].toInt());
    const at::Tensor g = gradients[0].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor of_x = at::empty_like(x), of_weight = at::empty_like(weight), of_bias = at::empty_like(weight);
    with_entry_of(x, [&]<class Entry>(Entry*) {
      norm_gradients(size, x.const_data_ptr<Entry>(), g.const_data_ptr<Entry>(), rows_of(coefficients),
                     weight.const_data_ptr<float>(), context->saved_data["silu"].toBool(),
                     of_x.mutable_data_ptr<Entry>(), of_weight.mutable_data_ptr<float>(),
                     of_bias.mutable_data_ptr<float>());
    });
    return {of_x, of_weight, of_bias, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

bool takes_fused_norm(const at::Tensor& x, const at::Tensor& weight) {
  const bool known = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  return x.is_cpu() && x.dim() == 4 && known && weight.scalar_type() == at::kFloat && x.numel() > 0 &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast) && has_avx512();
}

at::Tensor fused_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                      double eps, bool silu) {
  return Norm::apply(x, weight, bias, groups, eps, silu);
}

}  // namespace recon
