#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "priors/networks/exported_graph.h"
#include "priors/networks/exported_step.h"

namespace recon {

/// An exported graph, checked and ready to run: ATen operators called one after the other, in the order of the file.
///
/// LibTorch records them for automatic differentiation as it does for any network, and reduced precision applies to
/// them as well. Where recon's own networks run channels last (channels_last.h) this one does, too, with their kernels:
/// see exported_shortcuts.h. Immutable; safe to use from several threads.
class ExportedProgram {
 public:
  /// Throws Error(data) at the graph's location naming the node: an operator that is not allowed
  /// (exported_operators.h), an argument that its schema has not or of another type, a network in training mode.
  explicit ExportedProgram(const ExportedGraph& graph);

  /// f(x, t) with the weights in the order of the graph's, all on one device. Throws Error(data) naming the node that
  /// fails, or that makes a tensor of far more elements than x has (65536 for each).
  at::Tensor run(const at::Tensor& x, const at::Tensor& t, const std::vector<ExportedWeight>& weights) const;

 private:
  void merge_activations();
  void release_values();

  ExportedGraph graph_;  ///< without weights' tensors and nodes
  std::vector<ExportedStep> steps_;
  bool keeps_planes_ = false;
};

}  // namespace recon
