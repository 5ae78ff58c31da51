#include "recon/pipeline/inspect/network_inspection.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "priors/networks/exported_archive.h"
#include "priors/networks/exported_operators.h"
#include "priors/networks/exported_program.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr std::int64_t trial_side = 64;

std::string size_text(const SizeRange& range) {
  if (range.min == range.max) return std::to_string(range.min);
  if (range.max == std::numeric_limits<std::int64_t>::max()) return fmt::format("{} or more", range.min);
  return fmt::format("{} to {}", range.min, range.max);
}

/// A size of the input that its ranges allow: one item, of trial_side pixels where they may be chosen.
Shape trial_size(const ExportedGraph& graph) {
  Shape size;
  for (std::size_t axis = 0; axis < graph.x_sizes.size(); ++axis) {
    const SizeRange& range = graph.x_sizes[axis];
    size.push_back(std::clamp<std::int64_t>(axis == 0 ? 1 : trial_side, range.min, range.max));
  }
  return size;
}

/// What the network gives for x of that size: its shape, or why it gives none.
void try_network(const ExportedGraph& graph, Inspection& inspection) {
  const c10::InferenceMode no_gradient;
  const Shape size = trial_size(graph);
  std::vector<ExportedWeight> weights;
  for (const GraphWeight& weight : graph.weights) weights.push_back({.tensor = weight.tensor});
  bool runs = true;
  try {
    const at::Tensor out = ExportedProgram(graph).run(at::zeros(size), at::ones({size[0]}), weights);
    inspection.found["output"] =
        fmt::format("{} for an input {}", to_string(Shape(out.sizes().vec())), to_string(size));
  } catch (const Error& error) {
    runs = false;
    inspection.found["fault"] = error.what();
  }
  inspection.check("it runs on an input " + to_string(size), runs ? 1 : 0, 1, runs);
}

}  // namespace

Inspection inspect_exported_network(const std::string& path) {
  const ExportedGraph graph = read_exported_archive(path);
  Inspection inspection;
  std::int64_t parameters = 0, bytes = 0;
  for (const GraphWeight& weight : graph.weights) {
    if (weight.is_parameter) parameters += weight.tensor.numel();
    bytes += static_cast<std::int64_t>(weight.tensor.nbytes());
  }
  std::map<std::string, std::int64_t> calls;
  for (const GraphNode& node : graph.nodes) ++calls[node.target];
  std::vector<std::string> refused;
  for (const auto& [target, count] : calls) {
    if (is_remark(target) || is_arithmetic(target)) continue;
    try {
      allowed_operator(target, graph.location);
    } catch (const Error&) {
      refused.push_back(target);
    }
  }
  std::vector<std::string> sizes;
  for (const SizeRange& range : graph.x_sizes) sizes.push_back(size_text(range));
  inspection.found = {
      {"kind", "network"},
      {"path", path},
      {"architecture", "exported"},
      {"input", fmt::format("x [{}] (batch, channels, height, width), t [batch]", fmt::join(sizes, ", "))},
      {"parameters", parameters},
      {"weights_mib", static_cast<double>(bytes) / (1 << 20)}};
  inspection.found["operators"] = calls;
  if (!refused.empty()) inspection.found["not_allowed"] = refused;
  inspection.check("operators that recon does not allow", static_cast<double>(refused.size()), 0, refused.empty());
  if (refused.empty()) try_network(graph, inspection);
  inspection.found["next"] =
      "put it into a folder with a card, prior.yaml (recon/docs/priors.md, Bring any network): the file says neither "
      "what it predicts nor its noise levels; then `recon inspect FOLDER --check`";
  inspection.details = {"operators"};
  return inspection;
}

}  // namespace recon
