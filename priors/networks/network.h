#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "priors/networks/parameters.h"

namespace recon {

/// A network that maps a noisy image and a time to a prediction: out = f(x, t).
///
/// What out means (noise, clean image, ...), what t counts and which noise process x comes from is the business of
/// NetworkPrior. Parameters are float32 tensors enumerable by name, frozen unless somebody asks them to require grad,
/// so that a backward pass computes the gradient with respect to x only.
class Network {
 public:
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// x float32 `[B, in_channels, H, W]` with H and W multiples of `size_multiple()`, t float32 `[B]`, possibly
  /// fractional; both on the device of the parameters. Returns `[B, out_channels, H, W]`; differentiable. Throws
  /// Error(internal) for other shapes or types.
  virtual at::Tensor forward(const at::Tensor& x, const at::Tensor& t) const = 0;

  virtual std::int64_t in_channels() const = 0;
  virtual std::int64_t out_channels() const = 0;
  virtual std::int64_t size_multiple() const = 0;
  /// Whether a network that was trained on images of one size computes on others, too.
  virtual bool is_convolutional() const { return true; }
  /// Whether its layers take images and weights in any order of memory.
  virtual bool takes_any_layout() const { return false; }
  /// Whether a pass is the same ops each time: not where an interpreter compiles as it goes.
  virtual bool is_recordable() const { return true; }
  /// So many images of that size it takes as a whole within its budget of memory, one at least; no limit without one.
  virtual std::int64_t most_at_once(std::int64_t /*height*/, std::int64_t /*width*/, bool /*with_pullback*/) const {
    return std::numeric_limits<std::int64_t>::max();
  }

  const std::vector<NamedTensor>& parameters() const { return parameters_; }
  std::int64_t parameter_count() const;
  /// The same network with copies of the parameters on another device.
  virtual std::shared_ptr<const Network> to(c10::Device device) const = 0;

 protected:
  Network() = default;
  std::vector<NamedTensor> parameters_;
};

/// Throws Error(internal) at `where` for what forward() does not take.
void require_network_input(const Network& network, const at::Tensor& x, const at::Tensor& t, const char* where);

}  // namespace recon
