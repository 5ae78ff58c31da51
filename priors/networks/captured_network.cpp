#include "priors/networks/captured_network.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "priors/networks/precision.h"
#include "recon/core/device.h"
#include "recon/core/log_once.h"

namespace recon {
namespace {

/// Weights that autocast keeps in the other precision would outlive the pass, or have been made before it.
class NoAutocastCache {
 public:
  NoAutocastCache() : was_(at::autocast::is_autocast_cache_enabled()) {
    at::autocast::clear_cache();
    at::autocast::set_autocast_cache_enabled(false);
  }
  ~NoAutocastCache() { at::autocast::set_autocast_cache_enabled(was_); }
  NoAutocastCache(const NoAutocastCache&) = delete;
  NoAutocastCache& operator=(const NoAutocastCache&) = delete;

 private:
  bool was_;
};

at::Tensor gradient_of(const at::Tensor& out, const at::Tensor& in, const at::Tensor& v) {
  return torch::autograd::grad({out}, {in}, {v}, /*retain_graph=*/true)[0];
}

/// But for rounding: sums may be taken in another order. A recording of other memory is off by everything.
bool agree(const at::Tensor& repeated, const at::Tensor& own) {
  constexpr double rounding = 0.02;
  const at::Tensor off = (repeated - own).abs().max(), scale = own.abs().max();
  return (off <= rounding * scale).item<bool>();  // false for NaN, too
}

}  // namespace

/// One pass on memory of its own, as the device repeats it.
class CapturedNetwork::Recording {
 public:
  /// Null where this kind of device cannot; throws what the work throws while it is recorded.
  static std::shared_ptr<Recording> of(const Network& network, const at::Tensor& x, const at::Tensor& t, bool taped) {
    const c10::AutoGradMode with_grad(taped);
    const NoAutocastCache without;
    const DeviceBackend& backend = device_backend(x.device());
    const auto made = std::make_shared<Recording>();
    made->x_ = x.detach().clone().requires_grad_(taped);
    made->t_ = t.detach().clone();
    made->forward_ =
        backend.captured(x.device().index(), [&] { made->taped_out_ = network.forward(made->x_, made->t_); });
    if (made->forward_ == nullptr) return nullptr;
    made->out_ = made->taped_out_.detach();
    if (!taped) return made;
    made->v_ = at::zeros_like(made->out_);
    made->backward_ = backend.captured(x.device().index(),
                                       [&] { made->gradient_ = gradient_of(made->taped_out_, made->x_, made->v_); });
    return made->backward_ == nullptr ? nullptr : made;
  }

  /// Whether its repetition is the network's own answer to what it was recorded with.
  bool repeats(const Network& network) {
    const NoAutocastCache without;
    forward_->replay();
    const c10::AutoGradMode with_grad(backward_ != nullptr);
    const at::Tensor in = x_.detach().clone().requires_grad_(backward_ != nullptr);
    const at::Tensor own = network.forward(in, t_);
    if (!agree(out_, own.detach())) return false;
    if (backward_ == nullptr) return true;
    const c10::AutoGradMode without_grad(false);
    v_.copy_(out_);
    backward_->replay();
    return agree(gradient_, gradient_of(own, in, v_));
  }

  /// The answer, and the number of the pass, by which pullback() knows it.
  std::pair<at::Tensor, std::uint64_t> forward(const at::Tensor& x, const at::Tensor& t) {
    const std::lock_guard lock(mutex_);
    run(x, t);
    return {out_.clone(), pass_};
  }

  at::Tensor pullback(std::uint64_t pass, const at::Tensor& x, const at::Tensor& t, const at::Tensor& v) {
    const std::lock_guard lock(mutex_);
    if (pass != pass_) run(x, t);  // a later pass lies in the memory that the backward pass reads
    v_.copy_(v);
    backward_->replay();
    return gradient_.clone();
  }

 private:
  void run(const at::Tensor& x, const at::Tensor& t) {
    const c10::AutoGradMode without_grad(false);
    x_.copy_(x);
    t_.copy_(t);
    forward_->replay();
    ++pass_;
  }

  std::mutex mutex_;
  at::Tensor x_, t_, out_, v_, gradient_;
  at::Tensor taped_out_;  ///< keeps what the backward pass reads
  std::unique_ptr<DeviceGraph> forward_, backward_;
  std::uint64_t pass_ = 0;
};

struct CapturedNetwork::Shape {
  std::vector<std::int64_t> sizes;
  bool taped = false;
  Precision precision{};
  std::int64_t calls = 0;
  bool refused = false;
  std::shared_ptr<Recording> recording;
};

namespace {

/// A repeated pass on the tape.
class RepeatedPass final : public torch::autograd::Node {
 public:
  RepeatedPass(std::shared_ptr<CapturedNetwork::Recording> recording, std::uint64_t pass, at::Tensor x, at::Tensor t,
               torch::autograd::edge_list next)
      : Node(std::move(next)), recording_(std::move(recording)), pass_(pass), x_(std::move(x)), t_(std::move(t)) {}

  torch::autograd::variable_list apply(torch::autograd::variable_list&& v) override {
    return {v[0].defined() ? recording_->pullback(pass_, x_, t_, v[0]) : v[0]};
  }

 private:
  std::shared_ptr<CapturedNetwork::Recording> recording_;
  std::uint64_t pass_;
  at::Tensor x_, t_;
};

bool wanted() {
  const char* const word = std::getenv("RECON_GRAPHS");
  return word == nullptr || std::string_view(word) != "off";
}

}  // namespace

CapturedNetwork::CapturedNetwork(std::shared_ptr<const Network> network) : NetworkAround(std::move(network)) {}

CapturedNetwork::~CapturedNetwork() = default;

at::Tensor CapturedNetwork::own_forward(const at::Tensor& x, const at::Tensor& t) const {
  try {
    return network_->forward(x, t);
  } catch (const c10::OutOfMemoryError&) {
    const std::lock_guard lock(mutex_);
    if (std::none_of(shapes_.begin(), shapes_.end(), [](const Shape& shape) { return shape.recording != nullptr; })) {
      throw;
    }
    shapes_.clear();  // other shapes' passes keep memory that this one can have
  }
  return network_->forward(x, t);
}

std::shared_ptr<CapturedNetwork::Recording> CapturedNetwork::recording_of(const at::Tensor& x, const at::Tensor& t,
                                                                          bool taped) const {
  constexpr std::int64_t calls_before = 2;
  constexpr std::size_t most_shapes = 2;
  const std::lock_guard lock(mutex_);
  const auto known = std::find_if(shapes_.begin(), shapes_.end(), [&](const Shape& shape) {
    return x.sizes() == shape.sizes && shape.taped == taped && shape.precision == PrecisionScope::current();
  });
  if (known == shapes_.end()) {
    Shape& added = shapes_.emplace_front();
    added.sizes = x.sizes().vec();
    added.taped = taped;
    added.precision = PrecisionScope::current();
    if (shapes_.size() > most_shapes) shapes_.pop_back();
  } else {
    shapes_.splice(shapes_.begin(), shapes_, known);
  }
  Shape& shape = shapes_.front();
  if (shape.recording != nullptr || shape.refused || ++shape.calls <= calls_before) return shape.recording;
  std::string why = "this kind of device cannot";
  try {
    if (auto recording = Recording::of(*network_, x, t, taped); recording != nullptr) {
      if (recording->repeats(*network_)) return shape.recording = std::move(recording);
      why = "the repetition gave another answer";
    }
  } catch (const c10::Error& error) {
    why = error.what_without_backtrace();
  }
  shape.refused = true;
  log::info_once("network: its passes are not recorded as graphs, it takes one launch after the other: " + why);
  return nullptr;
}

at::Tensor CapturedNetwork::forward(const at::Tensor& x, const at::Tensor& t) const {
  require_network_input(*this, x, t, "CapturedNetwork::forward");
  const bool taped = c10::GradMode::is_enabled() && x.requires_grad();
  const bool trained = c10::GradMode::is_enabled() && parameters_.front().value.requires_grad();
  if (x.is_cpu() || trained || !wanted()) return network_->forward(x, t);
  const std::shared_ptr<Recording> recording = recording_of(x, t, taped);
  if (recording == nullptr) return own_forward(x, t);
  const at::Tensor held = x.detach();
  auto [out, pass] = recording->forward(held, t);
  if (!taped) return out;
  const std::shared_ptr<RepeatedPass> node(
      new RepeatedPass(recording, pass, held, t, torch::autograd::collect_next_edges(x)), torch::autograd::deleteNode);
  torch::autograd::set_history(out, node);
  return out;
}

std::shared_ptr<const Network> CapturedNetwork::to(c10::Device device) const { return captured(network_->to(device)); }

std::shared_ptr<const Network> captured(const std::shared_ptr<const Network>& network) {
  if (!network->is_recordable()) return network;
  return std::make_shared<const CapturedNetwork>(network);
}

}  // namespace recon
