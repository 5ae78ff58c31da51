#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "priors/networks/avx512_convolution.h"
#include "priors/networks/parameters.h"
#include "recon/core/words.h"

namespace recon {

// The elementary layers of our networks: parameters and one operator() each. Parameter names are `weight` and `bias`.

/// 2-D convolution, zero padding. Weight [out, in, k, k], bias [out] or undefined.
struct Conv2d {
  Conv2d(const ParameterScope& scope, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t step = 1,
         std::int64_t pad = -1);  ///< pad -1: keeps the size at step 1
  /// Keeps the size.
  static Conv2d without_bias(const ParameterScope& scope, std::int64_t in, std::int64_t out, std::int64_t kernel);
  at::Tensor operator()(const at::Tensor& x) const;
  std::int64_t out_channels() const { return weight.size(0); }

  at::Tensor weight, bias;
  std::int64_t stride, padding;
  std::shared_ptr<PackedWeights> packed = std::make_shared<PackedWeights>();

 private:
  Conv2d(at::Tensor w, std::int64_t pad) : weight(std::move(w)), stride(1), padding(pad) {}
};

/// y = x W^T + b over the last axis. Weight [out, in], bias [out].
struct Linear {
  Linear(const ParameterScope& scope, std::int64_t in, std::int64_t out);
  /// The same as score_sde stores it: `W` [in, out] and `b` [out].
  static Linear transposed(const ParameterScope& scope, std::int64_t in, std::int64_t out);
  at::Tensor operator()(const at::Tensor& x) const;

  at::Tensor weight, bias;

 private:
  Linear(at::Tensor w, at::Tensor b) : weight(std::move(w)), bias(std::move(b)) {}
};

enum class Activation { silu, mish, gelu, relu };
constexpr auto words_of(Activation) {
  using enum Activation;
  return std::to_array<Word<Activation>>({{silu, "silu"}, {mish, "mish"}, {gelu, "gelu"}, {relu, "relu"}});
}

/// Any capitals; "swish" is silu. Throws Error(data) at `location` naming the known ones.
Activation activation_from(const std::string& name, const std::string& location);
at::Tensor activate(Activation activation, const at::Tensor& x);

/// A scale and a shift for each channel of each image, [B, C].
struct ChannelAffine {
  at::Tensor scale, shift;
};

/// Normalisation over groups of channels (Wu & He 2018), then a scale and a shift per channel.
struct GroupNorm {
  GroupNorm(const ParameterScope& scope, std::int64_t channels, std::int64_t group_count, double epsilon);
  at::Tensor operator()(const at::Tensor& x, std::optional<Activation> activation = {}) const;
  /// What it does to an image whose channels have these means and variances over all pixels, [B, C] each:
  /// x -> scale x + shift. In their precision; differentiable in them.
  ChannelAffine affine(const at::Tensor& mean, const at::Tensor& variance) const;

  at::Tensor weight, bias;
  std::int64_t groups;
  double eps;
};

/// A change of resolution between layers: 2x2 mean and nearest neighbour, where nothing else is said.
enum class Resample { none, down, up };

}  // namespace recon
