#include "priors/networks/exported_step.h"

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
  throw internal_error("ExportedStep", "unnamed kind {}", static_cast<int>(kind));
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
          throw internal_error("ExportedStep", "no constant");
        else
          return value;
      },
      item);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

ExportedStep::ExportedStep(const GraphNode& node, const std::vector<ValueKind>& kinds, const std::string& graph)
    : location_(graph + " node '" + node.name + "'"),
      target_(node.target),
      outputs_(node.outputs),
      shortcut_(shortcut_of(node.target)) {
  if (is_arithmetic(target_)) {
    arguments_ = node.inputs;
    if (outputs_.size() != 1 || outputs_[0].is_list) throw data_error(location_, "expected one output");
    for (const GraphArgument& one : arguments_) {
      if (one.is_list) throw data_error(location_, "'{}': expected a number", one.name);
    }
    return;
  }
  op_ = allowed_operator(target_, location_);
  take_arguments(node, kinds);
  check_outputs(kinds);
}

void ExportedStep::take_arguments(const GraphNode& node, const std::vector<ValueKind>& kinds) {
  std::map<std::string, GraphArgument> given;
  for (const GraphArgument& one : node.inputs) {
    if (!given.emplace(one.name, one).second) throw data_error(location_, "'{}' is given twice", one.name);
  }
  for (const c10::Argument& wanted : op_->schema().arguments()) {
    const auto found = given.find(wanted.name());
    if (found == given.end() && !wanted.default_value()) throw data_error(location_, "'{}' is missing", wanted.name());
    defaults_.push_back(wanted.default_value().value_or(c10::IValue()));
    arguments_.push_back(found == given.end() ? GraphArgument{.name = wanted.name()} : found->second);
    const c10::IValue seen = argument(arguments_.size() - 1, [&](const GraphItem& item) {
      const auto* const ref = std::get_if<ValueRef>(&item);
      return ref != nullptr ? example(kinds[ref->index]) : constant(item, c10::kCPU);
    });
    const bool trains = (wanted.name() == "train" || wanted.name() == "training") && seen.isBool() && seen.toBool();
    const bool drops = wanted.name() == "dropout_p" && seen.isDouble() && seen.toDouble() != 0;
    if (trains || drops) {
      throw data_error(location_, "the network was exported in training mode; call eval() before torch.export.export");
    }
    if (found != given.end()) given.erase(found);
  }
  if (!given.empty()) throw data_error(location_, "'{}' has no argument '{}'", target_, given.begin()->first);
}

void ExportedStep::check_outputs(const std::vector<ValueKind>& kinds) const {
  const auto& returns = op_->schema().returns();
  bool fits = returns.size() == outputs_.size();
  for (std::size_t i = 0; fits && i < returns.size(); ++i) {
    const bool list = returns[i].type()->kind() == c10::TypeKind::ListType;
    const bool tensors = list || returns[i].type()->kind() == c10::TypeKind::TensorType;
    fits = list == outputs_[i].is_list;
    for (const ValueRef ref : outputs_[i].values) fits = fits && tensors == (kinds[ref.index] == ValueKind::tensor);
  }
  if (!fits) throw data_error(location_, "its outputs are not those of '{}'", target_);
}

/// As the schema wants it, or as it is for arithmetic.
c10::IValue ExportedStep::argument(std::size_t index,
                                   const std::function<c10::IValue(const GraphItem&)>& value_of) const {
  const GraphArgument& given = arguments_[index];
  if (!op_) return value_of(given.items.front());
  if (given.items.empty() && !given.is_list) return defaults_[index];
  const c10::Argument& wanted = op_->schema().arguments()[index];
  const auto refuse = [&] {
    return data_error(location_, "'{}': expected {} for '{}'", given.name, wanted.type()->str(), target_);
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

void ExportedStep::store(const GraphOutput& output, const c10::IValue& result, ExportedRun& run) const {
  const auto check = [&](const at::Tensor& tensor) {
    if (tensor.defined() && tensor.numel() > run.element_limit) {
      throw data_error(location_, "'{}' makes a tensor of {} elements, limit {}", target_, tensor.numel(),
                       run.element_limit);
    }
  };
  if (!output.is_list) {
    if (result.isTensor()) check(result.toTensor());
    run.values[output.values.front().index] = result;
    return;
  }
  const std::vector<at::Tensor> tensors = result.toTensorVector();
  if (tensors.size() != output.values.size()) {
    throw data_error(location_, "'{}' gave {} tensors, the file expects {}", target_, tensors.size(),
                     output.values.size());
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    check(tensors[i]);
    run.values[output.values[i].index] = tensors[i];
  }
}

/// From the arguments to the results, on the stack.
void ExportedStep::call(const ExportedRun& run, std::vector<c10::IValue>& stack) const {
  if (run.channels_last) {
    const std::shared_ptr<PackedWeights> packed = kernel_ ? run.weights[*kernel_].packed : nullptr;
    const bool possible = outputs_.size() == 1 || only_first_is_used_;
    const auto result = possible ? take_shortcut(shortcut_, stack, silu_, packed) : std::nullopt;
    if (result) {
      stack.assign(outputs_.size(), at::Tensor());
      stack[0] = *result;
      return;
    }
    lay_out(shortcut_, target_, stack);
  }
  op_->callBoxed(&stack);
  if (silu_) stack[0] = at::silu(stack[0].toTensor());
}

void ExportedStep::run(ExportedRun& run) const {
  std::vector<c10::IValue> stack;
  stack.reserve(arguments_.size());
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    stack.push_back(argument(i, [&](const GraphItem& item) {
      const auto* const ref = std::get_if<ValueRef>(&item);
      return ref != nullptr ? run.values[ref->index] : constant(item, run.device);
    }));
  }
  if (!op_) {
    store(outputs_[0], compute_arithmetic(target_, stack, location_), run);
  } else {
    try {
      call(run, stack);
    } catch (const std::exception& error) {
      throw data_error(location_, "'{}' fails: {}", target_, first_line(error.what()));
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) store(outputs_[i], stack[i], run);
  }
  for (const std::size_t index : released) run.values[index] = {};
}

std::optional<ValueRef> ExportedStep::value_of_argument(std::size_t index) const {
  if (index >= arguments_.size() || arguments_[index].is_list || arguments_[index].items.empty()) return std::nullopt;
  const auto* const ref = std::get_if<ValueRef>(&arguments_[index].items.front());
  return ref != nullptr ? std::optional(*ref) : std::nullopt;
}

void ExportedStep::end_with_silu(ValueRef result) {
  silu_ = true;
  outputs_.front().values.front() = result;
}

}  // namespace recon
