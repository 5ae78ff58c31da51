#include "priors/networks/bounded_network.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "priors/networks/banded_execution.h"
#include "priors/networks/precision.h"
#include "recon/core/error.h"
#include "recon/core/log_once.h"
#include "recon/core/memory_budget.h"

namespace recon {
namespace {

constexpr double kGiB = 1073741824.0;

/// A banded execution of a network on one batch, with what its passes hold.
struct BandedCall {
  std::shared_ptr<const LayeredNetwork> network;
  BandedExecution execution;
  Precision precision;
  FeatureMap in = {}, out = {};

  BandedCall(std::shared_ptr<const LayeredNetwork> of, const BandedExecution::Options& options)
      : network(std::move(of)), execution(options), precision(PrecisionScope::current()) {}

  at::Tensor forward(const at::Tensor& x, const at::Tensor& t) {
    const c10::NoGradGuard no_grad;
    in = execution.input(x);
    out = network->through(execution, in, t);
    return execution.tensor(out).clone();
  }
};

/// The step of the tape that a banded call is.
class BandedPullback final : public torch::autograd::Node {
 public:
  BandedPullback(std::unique_ptr<const BandedCall> call, torch::autograd::edge_list next)
      : Node(std::move(next)), call_(std::move(call)) {}

  torch::autograd::variable_list apply(torch::autograd::variable_list&& v) override {
    if (!v[0].defined()) return {at::Tensor()};
    const PrecisionScope scope(call_->precision, v[0].device());
    return {call_->execution.pullback(call_->in, call_->out, v[0])};
  }
  std::string name() const override { return "BandedPullback"; }

 private:
  std::unique_ptr<const BandedCall> call_;
};

}  // namespace

BoundedNetwork::BoundedNetwork(std::shared_ptr<const LayeredNetwork> network, std::int64_t memory)
    : NetworkAround(std::move(network)), memory_(memory) {}

MemoryNeed BoundedNetwork::need_of(const Shape& images) const {
  const std::lock_guard lock(mutex_);
  const auto known = needs_.find(images);
  return known != needs_.end() ? known->second : needs_.emplace(images, memory_need(*network_, images)).first->second;
}

at::Tensor BoundedNetwork::forward(const at::Tensor& x, const at::Tensor& t) const {
  require_network_input(*this, x, t, "BoundedNetwork::forward");
  if (!x.is_cpu()) return network_->forward(x, t);
  const bool taped = c10::GradMode::is_enabled() && x.requires_grad();
  const MemoryNeed need = need_of(x.sizes().vec());
  const std::int64_t whole = taped ? need.whole_taped : need.whole;
  if (whole <= memory_ / 2) return network_->forward(x, t);
  return_freed_memory();
  if (const std::int64_t least = resident_bytes() + need.bands; least > memory_) {
    throw usage_error("memory", "images of {} need at least {:.2f} GiB, the budget is {:.2f} GiB; raise it",
                      to_string(x.sizes().vec()), static_cast<double>(least) / kGiB,
                      static_cast<double>(memory_) / kGiB);
  }
  log::info_once(fmt::format("memory: images of {} go through the network in bands; as a whole they need {:.1f} GiB{}",
                             to_string(x.sizes().vec()), static_cast<double>(whole) / kGiB,
                             taped ? " with the pullback" : ""));
  auto call = std::make_unique<BandedCall>(
      network_, BandedExecution::Options{.memory = memory_, .reserve = need.bands, .recording = taped});
  at::Tensor out = call->forward(x, t);
  if (!taped) return out;
  const std::shared_ptr<BandedPullback> node(
      new BandedPullback(std::move(call), torch::autograd::collect_next_edges(x)), torch::autograd::deleteNode);
  torch::autograd::set_history(out, node);
  return out;
}

std::int64_t BoundedNetwork::most_at_once(std::int64_t height, std::int64_t width, bool with_pullback) const {
  const MemoryNeed need = need_of({1, in_channels(), height, width});
  return std::max<std::int64_t>(1, memory_ / 2 / (with_pullback ? need.whole_taped : need.whole));
}

std::shared_ptr<const Network> BoundedNetwork::to(c10::Device device) const {
  return within_memory(network_->to(device), memory_);
}

std::shared_ptr<const Network> within_memory(const std::shared_ptr<const Network>& network, std::int64_t memory) {
  const auto layered = std::dynamic_pointer_cast<const LayeredNetwork>(network);
  if (layered == nullptr) return network;
  return std::make_shared<const BoundedNetwork>(layered, memory);
}

}  // namespace recon
