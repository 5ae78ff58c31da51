#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "priors/networks/avx512_convolution.h"
#include "priors/networks/exported_graph.h"
#include "priors/networks/exported_shortcuts.h"

namespace recon {

/// A weight of an exported network on one device, and the order of our own kernels for it.
struct ExportedWeight {
  at::Tensor tensor;
  std::shared_ptr<PackedWeights> packed = std::make_shared<PackedWeights>();
};

/// One execution of a graph.
struct ExportedRun {
  std::vector<c10::IValue> values;  ///< of the graph, those that are known and still needed
  const std::vector<ExportedWeight>& weights;
  c10::Device device;
  std::int64_t element_limit;  ///< of a tensor
  bool channels_last;          ///< whether the layout of channels_last.h is kept
};

/// One call of an exported graph, checked.
class ExportedStep {
 public:
  /// Throws Error(data) at the node: see ExportedProgram.
  ExportedStep(const GraphNode& node, const std::vector<ValueKind>& kinds, const std::string& graph);

  /// Computes the step's outputs and lets go what is `released`. Throws Error(data) at the node.
  void run(ExportedRun& run) const;

  const std::string& target() const { return target_; }
  Shortcut shortcut() const { return shortcut_; }
  const std::vector<GraphArgument>& arguments() const { return arguments_; }
  const std::vector<GraphOutput>& outputs() const { return outputs_; }
  /// The value that stands alone as argument, none where there is another thing.
  std::optional<ValueRef> value_of_argument(std::size_t index) const;

  /// The step gives silu of its first output, as the value `result`.
  void end_with_silu(ValueRef result);
  /// No step uses outputs after the first: they need not be computed.
  void give_only_first() { only_first_is_used_ = true; }
  /// The step is a convolution with a weight of the file, the one at this place.
  void set_kernel(std::size_t weight) { kernel_ = weight; }

  std::vector<std::size_t> released;  ///< values that no later step uses

 private:
  void take_arguments(const GraphNode& node, const std::vector<ValueKind>& kinds);
  void check_outputs(const std::vector<ValueKind>& kinds) const;
  c10::IValue argument(std::size_t index, const std::function<c10::IValue(const GraphItem&)>& value_of) const;
  void call(const ExportedRun& run, std::vector<c10::IValue>& stack) const;
  void store(const GraphOutput& output, const c10::IValue& result, ExportedRun& run) const;

  std::string location_;  ///< of the node
  std::string target_;
  std::optional<c10::OperatorHandle> op_;  ///< none: arithmetic
  std::vector<GraphArgument> arguments_;   ///< in the order of the schema; those that are not given are its defaults
  std::vector<c10::IValue> defaults_;      ///< for each argument, where it is not given (no items)
  std::vector<GraphOutput> outputs_;
  Shortcut shortcut_ = Shortcut::none;
  bool silu_ = false;                  ///< of the first output
  bool only_first_is_used_ = false;    ///< of the outputs
  std::optional<std::size_t> kernel_;  ///< of a convolution, its place among the weights
};

}  // namespace recon
