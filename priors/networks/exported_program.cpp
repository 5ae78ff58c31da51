#include "priors/networks/exported_program.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "priors/networks/channels_last.h"
#include "priors/networks/exported_operators.h"

namespace recon {
namespace {

/// The elements that a tensor within a network may have, by those of the image: attention over 128 x 128 places has
/// 2^14 for each.
std::int64_t element_limit(std::int64_t of_image) {
  constexpr std::int64_t kLeast = 1 << 24, kMost = std::int64_t{1} << 31, kForEach = 1 << 16;
  return std::clamp(of_image < kMost / kForEach ? of_image * kForEach : kMost, kLeast, kMost);
}

/// The steps that use each value, once for each use.
class Users {
 public:
  Users(const ExportedGraph& graph, const std::vector<ExportedStep>& steps)
      : out_(graph.out), of_(graph.values.size()) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      for (const GraphArgument& given : steps[i].arguments()) {
        for (const GraphItem& item : given.items) {
          if (const auto* const ref = std::get_if<ValueRef>(&item)) of_[ref->index].push_back(i);
        }
      }
    }
  }
  /// Whether these steps, in this order, are all that use a value.
  bool are(ValueRef value, const std::vector<std::size_t>& steps) const {
    return value.index != out_.index && of_[value.index] == steps;
  }
  /// The first; none where nobody uses it.
  std::optional<std::size_t> first(ValueRef value) const {
    const auto& all = of_[value.index];
    return all.empty() ? std::nullopt : std::optional(all.front());
  }

 private:
  ValueRef out_;
  std::vector<std::vector<std::size_t>> of_;
};

/// The steps that take a norm's value z alone to its silu: that operator, or z times its sigmoid. None where there is
/// another use of z or of what lies between.
std::vector<std::size_t> silu_of(ValueRef z, const std::vector<ExportedStep>& steps, const Users& users) {
  const auto next = users.first(z);
  if (!next) return {};
  const ExportedStep& step = steps[*next];
  if (step.target() == "torch.ops.aten.silu.default" && users.are(z, {*next})) return {*next};
  if (step.target() != "torch.ops.aten.sigmoid.default") return {};
  const ValueRef gate = step.outputs().front().values.front();
  const auto last = users.first(gate);
  if (!last || steps[*last].target() != "torch.ops.aten.mul.Tensor") return {};
  const bool alone = users.are(gate, {*last}) && users.are(z, {*next, *last});
  return alone ? std::vector{*next, *last} : std::vector<std::size_t>{};
}

}  // namespace

ExportedProgram::ExportedProgram(const ExportedGraph& graph) : graph_(graph) {
  for (const GraphNode& node : graph.nodes) {
    if (!is_remark(node.target)) steps_.emplace_back(node, graph.values, graph.location);
  }
  graph_.nodes.clear();
  for (GraphWeight& weight : graph_.weights) weight.tensor.reset();
  for (ExportedStep& step : steps_) {
    keeps_planes_ = keeps_planes_ || keeps_planes(step.target());
    if (!is_convolution(step.shortcut())) continue;
    const auto kernel = step.value_of_argument(1);
    const auto at = std::find_if(graph_.weights.begin(), graph_.weights.end(),
                                 [&](const GraphWeight& one) { return kernel && one.value.index == kernel->index; });
    if (at != graph_.weights.end()) step.set_kernel(static_cast<std::size_t>(at - graph_.weights.begin()));
  }
  merge_activations();
  release_values();
}

/// A norm and the activation after it become one step.
void ExportedProgram::merge_activations() {
  const Users users(graph_, steps_);
  std::vector<bool> merged(steps_.size(), false);
  for (ExportedStep& step : steps_) {
    if (!is_norm(step.shortcut())) continue;
    const auto& outputs = step.outputs();
    const bool only_first = std::all_of(outputs.begin() + 1, outputs.end(),
                                        [&](const GraphOutput& one) { return users.are(one.values.front(), {}); });
    if (!only_first) continue;
    step.give_only_first();
    const std::vector<std::size_t> silu = silu_of(outputs.front().values.front(), steps_, users);
    for (const std::size_t i : silu) merged[i] = true;
    if (!silu.empty()) step.end_with_silu(steps_[silu.back()].outputs().front().values.front());
  }
  std::vector<ExportedStep> left;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (!merged[i]) left.push_back(std::move(steps_[i]));
  }
  steps_ = std::move(left);
}

/// A value is let go where it is used last, so that memory is what the network needs and no more.
void ExportedProgram::release_values() {
  std::vector<bool> needed(graph_.values.size(), false);
  needed[graph_.out.index] = true;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    const auto last_use = [&](const ValueRef ref) {
      if (!needed[ref.index]) step->released.push_back(ref.index);
      needed[ref.index] = true;
    };
    for (const GraphOutput& output : step->outputs()) {
      for (const ValueRef ref : output.values) last_use(ref);
    }
    for (const GraphArgument& given : step->arguments()) {
      for (const GraphItem& item : given.items) {
        if (const auto* const ref = std::get_if<ValueRef>(&item)) last_use(*ref);
      }
    }
  }
}

at::Tensor ExportedProgram::run(const at::Tensor& x, const at::Tensor& t,
                                const std::vector<ExportedWeight>& weights) const {
  ExportedRun run{.values = std::vector<c10::IValue>(graph_.values.size()),
                  .weights = weights,
                  .device = x.device(),
                  .element_limit = element_limit(x.numel()),
                  .channels_last = prefers_channels_last(x) && !keeps_planes_};
  for (std::size_t i = 0; i < weights.size(); ++i) run.values[graph_.weights[i].value.index] = weights[i].tensor;
  run.values[graph_.x.index] = x;
  run.values[graph_.t.index] = t;
  for (const ExportedStep& step : steps_) step.run(run);
  return run.values[graph_.out.index].toTensor();
}

}  // namespace recon
