// Exported graphs run with the kernels of recon's own networks: where they do, and that the results are those of the
// operators.
#include "priors/networks/exported_shortcuts.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>

#include <map>
#include <set>

#include "priors/networks/avx512.h"
#include "priors/networks/avx512_convolution.h"
#include "priors/networks/exported_archive.h"
#include "priors/networks/exported_program.h"
#include "priors/networks/precision.h"
#include "recon/core/rng.h"
#include "tests/priors/exported_archives.h"

namespace recon {
namespace {

ExportedGraph recorded_graph(const std::string& record) {
  return read_exported_archive(test::exported_record(record) / "model.pt2");
}

GraphNode& node_of(ExportedGraph& graph, const std::string& name) {
  for (GraphNode& node : graph.nodes) {
    if (node.name == name) return node;
  }
  throw std::runtime_error("no node " + name);
}

GraphArgument& argument_of(GraphNode& node, const std::string& name) {
  for (GraphArgument& argument : node.inputs) {
    if (argument.name == name) return argument;
  }
  throw std::runtime_error("no argument " + name);
}

at::Tensor drawn(const Shape& shape, const char* name) {
  return Rng(5, name).normal({{0, 0}}, 0, {shape, ScalarKind::real}, at::kFloat)[0];
}

struct Answer {
  at::Tensor x, out, pulled;
};

Answer answer_of(const ExportedGraph& graph) {
  std::vector<ExportedWeight> weights;
  for (const GraphWeight& weight : graph.weights) weights.push_back({.tensor = weight.tensor});
  const at::Tensor x = drawn({2, 1, 12, 10}, "x").requires_grad_(true);
  const at::Tensor out = ExportedProgram(graph).run(x, at::full({2}, 300.0), weights);
  return {.x = x, .out = out, .pulled = torch::autograd::grad({out}, {x}, {drawn(out.sizes().vec(), "v")}, true)[0]};
}

/// The same graph with an operator, whose result nobody uses, that keeps it from running in another way.
ExportedGraph as_written(ExportedGraph graph) {
  const ValueRef unused{graph.values.size()};
  graph.values.push_back(ValueKind::tensor);
  graph.nodes.insert(graph.nodes.begin(),
                     {.name = "keeps",
                      .target = "torch.ops.aten.cumsum.default",
                      .inputs = {{.name = "self", .items = {graph.x}}, {.name = "dim", .items = {std::int64_t{0}}}},
                      .outputs = {{.values = {unused}}}});
  return graph;
}

/// How many steps of the way back have each of these words in their names.
std::map<std::string, int> steps_back(const at::Tensor& out, const std::vector<std::string>& words) {
  std::map<std::string, int> counts;
  std::set<torch::autograd::Node*> seen;
  std::vector<torch::autograd::Node*> open{out.grad_fn().get()};
  while (!open.empty()) {
    torch::autograd::Node* const node = open.back();
    open.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    for (const std::string& word : words) {
      if (node->name().find(word) != std::string::npos) ++counts[word];
    }
    for (const auto& edge : node->next_edges()) open.push_back(edge.function.get());
  }
  return counts;
}

class ExportedShortcuts : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_avx512()) GTEST_SKIP() << "this processor has no AVX-512";
  }
};

const std::vector<std::string> kSteps{"::Norm>",           "::Concatenation>", "Silu",       "Sigmoid",
                                      "GroupNormBackward", "CatBackward",      "DivBackward"};

TEST_F(ExportedShortcuts, NormsAndActivationsAreOneStepWhereTheNormHasNoOtherUse) {
  using Counts = std::map<std::string, int>;
  EXPECT_EQ(steps_back(answer_of(recorded_graph("norms")).out, kSteps),
            (Counts{{"::Norm>", 8}, {"::Concatenation>", 1}, {"CatBackward", 1}, {"Silu", 1}, {"Sigmoid", 2}}));
  EXPECT_EQ(steps_back(answer_of(recorded_graph("decomposed")).out, kSteps),
            (Counts{{"::Norm>", 7}, {"::Concatenation>", 1}, {"CatBackward", 1}, {"Sigmoid", 4}}));
  // The same without the kernels: nothing of recon's own is in it.
  EXPECT_EQ(steps_back(answer_of(as_written(recorded_graph("norms"))).out, {"::Norm>", "::Concatenation>"}), Counts{});
}

void expect_as_written(const ExportedGraph& graph, const std::string& change) {
  const Answer fast = answer_of(graph), plain = answer_of(as_written(graph));
  ASSERT_EQ(fast.out.sizes(), plain.out.sizes()) << change;
  EXPECT_TRUE(at::allclose(fast.out, plain.out, 1e-5, 1e-5)) << change;
  EXPECT_TRUE(at::allclose(fast.pulled, plain.pulled, 1e-5, 1e-5)) << change;
}

TEST_F(ExportedShortcuts, ComputeWhatTheOperatorsCompute) {
  const ExportedGraph recorded = recorded_graph("norms");
  expect_as_written(recorded, "none");
  expect_as_written(recorded_graph("decomposed"), "decomposed");
  const auto with = [&](const char* change, auto apply) {
    ExportedGraph graph = recorded;
    apply(graph);
    const Answer before = answer_of(recorded), after = answer_of(graph);
    EXPECT_FALSE(before.out.sizes() == after.out.sizes() && at::allclose(before.out, after.out)) << change;
    expect_as_written(graph, change);
  };
  const auto set = [](ExportedGraph& graph, const char* node, const char* argument, GraphItem value) {
    argument_of(node_of(graph, node), argument).items = {std::move(value)};
  };
  with("groups", [&](ExportedGraph& g) { set(g, "group_norm", "num_groups", std::int64_t{2}); });
  with("eps", [&](ExportedGraph& g) { set(g, "group_norm", "eps", 0.5); });
  with("eps of an instance norm", [&](ExportedGraph& g) { set(g, "instance_norm", "eps", 0.5); });
  with("no weights", [&](ExportedGraph& g) {
    set(g, "group_norm", "weight", std::monostate());
    set(g, "group_norm", "bias", std::monostate());
  });
  with("no bias", [&](ExportedGraph& g) { set(g, "group_norm", "bias", std::monostate()); });
  with("a divisor of 3", [&](ExportedGraph& g) { set(g, "div_1", "other", 3.0); });
  with("a norm given out beside its activation",
       [&](ExportedGraph& g) { g.out = node_of(g, "group_norm").outputs.front().values.front(); });
  with("the activation of a norm given out",
       [&](ExportedGraph& g) { g.out = node_of(g, "silu").outputs.front().values.front(); });
  with("a gate given out", [&](ExportedGraph& g) { g.out = node_of(g, "sigmoid").outputs.front().values.front(); });
}

TEST_F(ExportedShortcuts, ConvolveAsOwnNetworksDo) {
  const Answer full = answer_of(recorded_graph("norms"));
  const auto own_convolutions = [](const Answer& answer) {  // first, second, qkv, proj: 16 channels, at stride 1
    return steps_back(answer.out, {"::Convolution>"})["::Convolution>"];
  };
  EXPECT_EQ(own_convolutions(full), has_avx512() ? 4 : 0);
  const PrecisionScope scope(Precision::bfloat16, c10::kCPU);
  const Answer reduced = answer_of(recorded_graph("norms"));
  const double error = ((full.out - reduced.out).norm() / full.out.norm()).item<double>();
  EXPECT_GT(error, 0);
  EXPECT_LT(error, 0.02);
  EXPECT_EQ(own_convolutions(reduced), has_avx512_bfloat16() ? 4 : 0);
}

}  // namespace
}  // namespace recon
