#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "priors/networks/network.h"

namespace recon {

/// A network that carries out another one its own way: the same parameters, channels and sizes.
template <class Inner>
class NetworkAround : public Network {
 public:
  std::int64_t in_channels() const final { return network_->in_channels(); }
  std::int64_t out_channels() const final { return network_->out_channels(); }
  std::int64_t size_multiple() const final { return network_->size_multiple(); }
  bool is_convolutional() const final { return network_->is_convolutional(); }
  bool takes_any_layout() const final { return network_->takes_any_layout(); }
  bool is_recordable() const final { return network_->is_recordable(); }

 protected:
  explicit NetworkAround(std::shared_ptr<const Inner> network) : network_(std::move(network)) {
    parameters_ = network_->parameters();
  }
  std::shared_ptr<const Inner> network_;
};

}  // namespace recon
