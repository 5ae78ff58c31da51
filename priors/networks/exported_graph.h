#pragma once

#include <c10/core/Layout.h>
#include <c10/core/MemoryFormat.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "priors/networks/parameters.h"

namespace recon {

/// The values of a graph: tensors, and the numbers that follow from their sizes.
enum class ValueKind { tensor, integer, real, truth };

/// A value of the graph by its place in ExportedGraph::values.
struct ValueRef {
  std::size_t index = 0;
};

/// The device of the network, whichever was written.
struct NetworkDevice {};

/// One thing that a node is given: nothing, a value of the graph, or a constant.
using GraphItem = std::variant<std::monostate, ValueRef, bool, std::int64_t, double, std::string, c10::ScalarType,
                               c10::MemoryFormat, c10::Layout, NetworkDevice>;

/// An argument under the name that it has in the operator's schema.
struct GraphArgument {
  std::string name;
  bool is_list = false;
  std::vector<GraphItem> items = {};  ///< one unless it is a list
};

/// What a node gives: one value, or the values of a list.
struct GraphOutput {
  bool is_list = false;
  std::vector<ValueRef> values = {};
};

/// A call of one operator: "torch.ops.aten.conv2d.default", "_operator.add".
struct GraphNode {
  std::string name, target;
  std::vector<GraphArgument> inputs = {};
  std::vector<GraphOutput> outputs = {};
};

/// The sizes that an axis may have; min = max where the size was fixed by the export.
struct SizeRange {
  std::int64_t min = 1, max = std::numeric_limits<std::int64_t>::max();
};

/// A tensor that the file holds, as a value of the graph.
struct GraphWeight {
  ValueRef value;
  std::string name;
  bool is_parameter = false;
  at::Tensor tensor = {};
};

/// The program out = f(x, t) of torch.export.ExportedProgram, in the order of execution: every value is given once, and
/// before it is used. Data only; ExportedProgram says what it computes.
struct ExportedGraph {
  std::string location;           ///< FILE models/NAME.json, for messages
  std::vector<ValueKind> values;  ///< of every value
  std::vector<GraphWeight> weights;
  ValueRef x, t, out;
  std::vector<SizeRange> x_sizes;  ///< of the four axes
  std::vector<GraphNode> nodes;
};

}  // namespace recon
