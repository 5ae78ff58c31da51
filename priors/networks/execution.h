#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "priors/networks/layers.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// Features [B, C, H, W] that an execution keeps in its own way; what it is depends on the execution.
struct FeaturePart {
  explicit FeaturePart(Shape of) : shape(std::move(of)) {}
  virtual ~FeaturePart() = default;
  FeaturePart(const FeaturePart&) = delete;
  FeaturePart& operator=(const FeaturePart&) = delete;
  Shape shape;
};

/// What flows from one pass of a network to the next: a tensor in a WholeExecution, otherwise parts side by side along
/// the channels. Copies share.
struct FeatureMap {
  at::Tensor tensor = {};
  std::vector<std::shared_ptr<FeaturePart>> parts = {};

  bool defined() const { return tensor.defined() || !parts.empty(); }
};

/// A step of a network over its whole picture. `map` takes the inputs, all about the same scene, perhaps at different
/// resolutions, to the output. It has to be a local map that is the same everywhere but for zero padding at the edges:
/// then it may be given some rows of the picture only, and its output is right but for `reach` rows at each cut.
struct Pass {
  std::function<at::Tensor(const std::vector<at::Tensor>& inputs)> map;
  std::int64_t channels;               ///< of the output
  Resample resample = Resample::none;  ///< of the first input
  const GroupNorm* norm = nullptr;     ///< of the first input, before `map`; its statistics are over the whole picture
  std::optional<Activation> activation = {};  ///< after the norm, before `map`
  std::int64_t reach = kReach;                ///< in rows of the output, even
  bool everywhere = false;                    ///< not local (attention): `map` has to see the picture as a whole

  /// Two 3x3 convolutions, one of them after a filter of four taps.
  static constexpr std::int64_t kReach = 4;
};

/// How a network goes through its passes. The result is the same but for rounding; time and memory are not.
class Execution {
 public:
  virtual ~Execution() = default;

  FeatureMap operator()(Pass pass, FeatureMap x) {
    std::vector<FeatureMap> inputs;
    inputs.push_back(std::move(x));
    return run(std::move(pass), std::move(inputs));
  }
  /// With a second input, which `norm` and `resample` are not about.
  FeatureMap operator()(Pass pass, FeatureMap x, FeatureMap beside) {
    std::vector<FeatureMap> inputs;
    inputs.push_back(std::move(x));
    inputs.push_back(std::move(beside));
    return run(std::move(pass), std::move(inputs));
  }
  /// Side by side along the channels.
  virtual FeatureMap concatenated(const FeatureMap& a, const FeatureMap& b) = 0;

 protected:
  Execution() = default;
  Execution(const Execution&) = default;
  Execution& operator=(const Execution&) = default;

 private:
  virtual FeatureMap run(Pass pass, std::vector<FeatureMap> inputs) = 0;
};

/// Each pass on the whole picture at once, recorded on the tape where grad mode is on. Differentiable in the weights.
class WholeExecution final : public Execution {
 public:
  FeatureMap concatenated(const FeatureMap& a, const FeatureMap& b) override;

 private:
  FeatureMap run(Pass pass, std::vector<FeatureMap> inputs) override;
};

}  // namespace recon
