#pragma once

#include "priors/networks/execution.h"
#include "priors/networks/network.h"

namespace recon {

/// A network that is written as passes over its picture, so that an Execution may choose how to carry them out.
class LayeredNetwork : public Network {
 public:
  bool takes_any_layout() const final { return true; }
  /// All passes on the whole picture.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t) const final;
  /// x and t as in forward(). What the passes hold lives as long as the network.
  virtual FeatureMap through(Execution& run, const FeatureMap& x, const at::Tensor& t) const = 0;
};

}  // namespace recon
