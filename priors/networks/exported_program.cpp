#include "priors/networks/exported_program.h"

#include <ATen/ATen.h>
#include <ATen/ScalarOps.h>
#include <ATen/core/List.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "priors/networks/exported_operators.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// The elements that a tensor within a network may have, by those of the image: attention over 128 x 128 places has
/// 2^14 for each.
std::int64_t element_limit(std::int64_t of_image) {
  constexpr std::int64_t kLeast = 1 << 24, kMost = std::int64_t{1} << 31, kForEach = 1 << 16;
  return std::clamp(of_image < kMost / kForEach ? of_image * kForEach : kMost, kLeast, kMost);
}

/// A number where a tensor is expected: of no axes, and of a type that gives way to that of tensors, as in Python.
at::Tensor wrapped_number(const c10::Scalar& number) {
  at::Tensor wrapped = c10::scalar_to_tensor(number);
  wrapped.unsafeGetTensorImpl()->set_wrapped_number(true);
  return wrapped;
}

/// A value as the type of a schema wants it; none where it does not fit.
std::optional<c10::IValue> fitted(const c10::IValue& value, const c10::Type& type) {
  switch (type.kind()) {
    case c10::TypeKind::OptionalType:
      return value.isNone() ? std::optional(value)
                            : fitted(value, *type.castRaw<c10::OptionalType>()->getElementType());
    case c10::TypeKind::TensorType:
      if (value.isTensor()) return value;
      if (value.isInt() || value.isDouble() || value.isBool()) return wrapped_number(value.toScalar());
      return std::nullopt;
    case c10::TypeKind::NumberType:
      if (value.isInt() || value.isDouble() || value.isBool()) return value;
      return std::nullopt;
    case c10::TypeKind::FloatType:
      if (value.isInt()) return static_cast<double>(value.toInt());
      return value.isDouble() ? std::optional(value) : std::nullopt;
    case c10::TypeKind::IntType:
      return value.isInt() ? std::optional(value) : std::nullopt;
    case c10::TypeKind::BoolType:
      return value.isBool() ? std::optional(value) : std::nullopt;
    case c10::TypeKind::StringType:
      return value.isString() ? std::optional(value) : std::nullopt;
    case c10::TypeKind::DeviceObjType:
      return value.isDevice() ? std::optional(value) : std::nullopt;
    default:
      return std::nullopt;
  }
}

/// The list type in a type that may be optional; null where there is none.
const c10::ListType* list_type(const c10::Type& type) {
  if (type.kind() == c10::TypeKind::OptionalType) {
    return list_type(*type.castRaw<c10::OptionalType>()->getElementType());
  }
  return type.kind() == c10::TypeKind::ListType ? type.castRaw<c10::ListType>() : nullptr;
}

/// What stands for a value of the graph where only its kind is known.
c10::IValue example(ValueKind kind) {
  switch (kind) {
    case ValueKind::tensor:
      return at::Tensor();
    case ValueKind::integer:
      return std::int64_t{1};
    case ValueKind::real:
      return 1.0;
    case ValueKind::truth:
      return true;
  }
  throw internal_error("ExportedProgram", "unnamed kind {}", static_cast<int>(kind));
}

/// A constant of the file.
c10::IValue constant(const GraphItem& item, c10::Device device) {
  return std::visit(
      [&](const auto& value) -> c10::IValue {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::monostate>)
          return {};
        else if constexpr (std::is_same_v<T, NetworkDevice>)
          return device;
        else if constexpr (std::is_enum_v<T>)
          return static_cast<std::int64_t>(value);
        else if constexpr (std::is_same_v<T, ValueRef>)
          throw internal_error("ExportedProgram", "no constant");
        else
          return value;
      },
      item);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

/// One call.
struct ExportedProgram::Step {
  std::string location;  ///< of the node
  std::string target;
  std::optional<c10::OperatorHandle> op;  ///< none: arithmetic
  std::vector<GraphArgument> arguments;   ///< in the order of the schema; those that are not given are its defaults
  std::vector<c10::IValue> defaults;      ///< for each argument, where it is not given (no items)
  std::vector<GraphOutput> outputs;
  std::vector<std::size_t> released;  ///< values that no later step uses

  Step(const GraphNode& node, const std::vector<ValueKind>& kinds, const std::string& graph);
  void run(std::vector<c10::IValue>& values, const at::Tensor& x) const;

 private:
  void take_arguments(const GraphNode& node, const std::vector<ValueKind>& kinds);
  void check_outputs(const std::vector<ValueKind>& kinds) const;
  c10::IValue argument(std::size_t index, const std::function<c10::IValue(const GraphItem&)>& value_of) const;
  void store(const GraphOutput& output, const c10::IValue& result, std::vector<c10::IValue>& values,
             std::int64_t limit) const;
};

ExportedProgram::Step::Step(const GraphNode& node, const std::vector<ValueKind>& kinds, const std::string& graph)
    : location(graph + " node '" + node.name + "'"), target(node.target), outputs(node.outputs) {
  if (is_arithmetic(target)) {
    arguments = node.inputs;
    if (outputs.size() != 1 || outputs[0].is_list) throw data_error(location, "expected one output");
    for (const GraphArgument& one : arguments) {
      if (one.is_list) throw data_error(location, "'{}': expected a number", one.name);
    }
    return;
  }
  op = allowed_operator(target, location);
  take_arguments(node, kinds);
  check_outputs(kinds);
}

void ExportedProgram::Step::take_arguments(const GraphNode& node, const std::vector<ValueKind>& kinds) {
  std::map<std::string, GraphArgument> given;
  for (const GraphArgument& one : node.inputs) {
    if (!given.emplace(one.name, one).second) throw data_error(location, "'{}' is given twice", one.name);
  }
  for (const c10::Argument& wanted : op->schema().arguments()) {
    const auto found = given.find(wanted.name());
    if (found == given.end() && !wanted.default_value()) throw data_error(location, "'{}' is missing", wanted.name());
    defaults.push_back(wanted.default_value().value_or(c10::IValue()));
    arguments.push_back(found == given.end() ? GraphArgument{.name = wanted.name()} : found->second);
    const c10::IValue seen = argument(arguments.size() - 1, [&](const GraphItem& item) {
      const auto* const ref = std::get_if<ValueRef>(&item);
      return ref != nullptr ? example(kinds[ref->index]) : constant(item, c10::kCPU);
    });
    const bool trains = (wanted.name() == "train" || wanted.name() == "training") && seen.isBool() && seen.toBool();
    const bool drops = wanted.name() == "dropout_p" && seen.isDouble() && seen.toDouble() != 0;
    if (trains || drops) {
      throw data_error(location, "the network was exported in training mode; call eval() before torch.export.export");
    }
    if (found != given.end()) given.erase(found);
  }
  if (!given.empty()) throw data_error(location, "'{}' has no argument '{}'", target, given.begin()->first);
}

void ExportedProgram::Step::check_outputs(const std::vector<ValueKind>& kinds) const {
  const auto& returns = op->schema().returns();
  bool fits = returns.size() == outputs.size();
  for (std::size_t i = 0; fits && i < returns.size(); ++i) {
    const bool list = returns[i].type()->kind() == c10::TypeKind::ListType;
    const bool tensors = list || returns[i].type()->kind() == c10::TypeKind::TensorType;
    fits = list == outputs[i].is_list;
    for (const ValueRef ref : outputs[i].values) fits = fits && tensors == (kinds[ref.index] == ValueKind::tensor);
  }
  if (!fits) throw data_error(location, "its outputs are not those of '{}'", target);
}

/// As the schema wants it, or as it is for arithmetic.
c10::IValue ExportedProgram::Step::argument(std::size_t index,
                                            const std::function<c10::IValue(const GraphItem&)>& value_of) const {
  const GraphArgument& given = arguments[index];
  if (!op) return value_of(given.items.front());
  if (given.items.empty() && !given.is_list) return defaults[index];
  const c10::Argument& wanted = op->schema().arguments()[index];
  const auto refuse = [&] {
    return data_error(location, "'{}': expected {} for '{}'", given.name, wanted.type()->str(), target);
  };
  const c10::ListType* const list = list_type(*wanted.type());
  if (list == nullptr || (!given.is_list && std::holds_alternative<std::monostate>(given.items.front()))) {
    const auto value = given.is_list ? std::nullopt : fitted(value_of(given.items.front()), *wanted.type());
    if (!value) throw refuse();
    return *value;
  }
  c10::impl::GenericList values(list->getElementType());
  for (const GraphItem& item : given.items) {
    const auto value = fitted(value_of(item), *list->getElementType());
    if (!value) throw refuse();
    values.push_back(*value);
  }
  // A number stands for as many as the schema wants: int[2].
  while (!given.is_list && values.size() < static_cast<std::size_t>(wanted.N().value_or(1))) {
    values.push_back(values.get(0));
  }
  return values;
}

void ExportedProgram::Step::store(const GraphOutput& output, const c10::IValue& result,
                                  std::vector<c10::IValue>& values, std::int64_t limit) const {
  const auto check = [&](const at::Tensor& tensor) {
    if (tensor.defined() && tensor.numel() > limit) {
      throw data_error(location, "'{}' makes a tensor of {} elements, limit {}", target, tensor.numel(), limit);
    }
  };
  if (!output.is_list) {
    if (result.isTensor()) check(result.toTensor());
    values[output.values.front().index] = result;
    return;
  }
  const std::vector<at::Tensor> tensors = result.toTensorVector();
  if (tensors.size() != output.values.size()) {
    throw data_error(location, "'{}' gave {} tensors, the file expects {}", target, tensors.size(),
                     output.values.size());
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    check(tensors[i]);
    values[output.values[i].index] = tensors[i];
  }
}

void ExportedProgram::Step::run(std::vector<c10::IValue>& values, const at::Tensor& x) const {
  const std::int64_t limit = element_limit(x.numel());
  std::vector<c10::IValue> stack;
  stack.reserve(arguments.size());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    stack.push_back(argument(i, [&](const GraphItem& item) {
      const auto* const ref = std::get_if<ValueRef>(&item);
      return ref != nullptr ? values[ref->index] : constant(item, x.device());
    }));
  }
  if (!op) {
    store(outputs[0], compute_arithmetic(target, stack, location), values, limit);
  } else {
    try {
      op->callBoxed(&stack);
    } catch (const std::exception& error) {
      throw data_error(location, "'{}' fails: {}", target, first_line(error.what()));
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) store(outputs[i], stack[i], values, limit);
  }
  for (const std::size_t index : released) values[index] = {};
}

ExportedProgram::ExportedProgram(const ExportedGraph& graph) : graph_(graph) {
  for (const GraphNode& node : graph.nodes) {
    if (!is_remark(node.target)) steps_.emplace_back(node, graph.values, graph.location);
  }
  graph_.nodes.clear();
  for (GraphWeight& weight : graph_.weights) weight.tensor.reset();
  // A value is let go where it is used last, so that memory is what the network needs and no more.
  std::vector<bool> needed(graph.values.size(), false);
  needed[graph.out.index] = true;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    const auto last_use = [&](const ValueRef ref) {
      if (!needed[ref.index]) step->released.push_back(ref.index);
      needed[ref.index] = true;
    };
    for (const GraphOutput& output : step->outputs) {
      for (const ValueRef ref : output.values) last_use(ref);
    }
    for (const GraphArgument& given : step->arguments) {
      for (const GraphItem& item : given.items) {
        if (const auto* const ref = std::get_if<ValueRef>(&item)) last_use(*ref);
      }
    }
  }
}

ExportedProgram::~ExportedProgram() = default;

at::Tensor ExportedProgram::run(const at::Tensor& x, const at::Tensor& t,
                                const std::vector<at::Tensor>& weights) const {
  std::vector<c10::IValue> values(graph_.values.size());
  for (std::size_t i = 0; i < weights.size(); ++i) values[graph_.weights[i].value.index] = weights[i];
  values[graph_.x.index] = x;
  values[graph_.t.index] = t;
  for (const Step& step : steps_) step.run(values, x);
  return values[graph_.out.index].toTensor();
}

}  // namespace recon
