#include "priors/networks/exported_graph_reader.h"

#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "recon/core/error.h"

namespace recon {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kSchemaMajor = 8;
constexpr std::size_t kMaxNodes = 200'000;

/// An object with one key, which says what the value is: {"as_int": 3}.
struct Tagged {
  std::string tag;
  const Json* value;
};

Tagged tagged(const Json& json, const std::string& location) {
  if (!json.is_object() || json.size() != 1) {
    throw data_error(location, "expected an object with one key, got {}", json.dump().substr(0, 100));
  }
  return {json.begin().key(), &json.begin().value()};
}

bool truth(const Json& value, const std::string& location) {
  if (!value.is_boolean()) throw data_error(location, "expected true or false, got {}", value.dump().substr(0, 100));
  return value.get<bool>();
}

/// A number; numbers that JSON has not are texts.
double real(const Json& value, const std::string& location) {
  if (value.is_number()) return value.get<double>();
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  throw data_error(location, "expected a number, got {}", value.dump().substr(0, 100));
}

/// A whole number in a call: none is beyond every size, but for the ends of slices.
std::int64_t constant_size(const Json& value, const std::string& location) {
  constexpr std::int64_t kLargest = std::int64_t{1} << 31;
  const std::int64_t number = json_whole(value, location);
  const bool is_end = number == INT64_MAX || number == INT64_MIN;
  if (!is_end && (number > kLargest || number < -kLargest)) {
    throw data_error(location, "expected a whole number of at most {}, got {}", kLargest, number);
  }
  return number;
}

c10::MemoryFormat memory_format(const Json& number, const std::string& location) {
  static constexpr std::array kFormats{c10::MemoryFormat::Contiguous, c10::MemoryFormat::ChannelsLast,
                                       c10::MemoryFormat::ChannelsLast3d, c10::MemoryFormat::Preserve};
  const std::int64_t index = json_whole(number, location);
  if (index < 1 || index > 4) throw data_error(location, "expected a memory format 1..4, got {}", index);
  return kFormats[static_cast<std::size_t>(index - 1)];
}

c10::Layout layout(const Json& number, const std::string& location) {
  constexpr std::int64_t kStrided = 7;
  if (json_whole(number, location) == kStrided) return c10::Layout::Strided;
  throw data_error(location, "expected layout 7 (strided), got {}", number.dump());
}

/// The names of the graph, in the order in which their values are given.
class Values {
 public:
  explicit Values(ExportedGraph& graph) : graph_(&graph) {}

  ValueRef add(const std::string& name, ValueKind kind, const std::string& location) {
    const ValueRef added{graph_->values.size()};
    if (!refs_.emplace(name, added).second) throw data_error(location, "the value '{}' is given twice", name);
    graph_->values.push_back(kind);
    return added;
  }
  ValueRef find(const std::string& name, ValueKind kind, const std::string& location) const {
    const auto found = refs_.find(name);
    if (found == refs_.end()) throw data_error(location, "there is no value '{}' yet", name);
    if (graph_->values[found->second.index] != kind) throw data_error(location, "'{}' is of another kind", name);
    return found->second;
  }

 private:
  ExportedGraph* graph_;
  std::map<std::string, ValueRef> refs_;
};

/// {"as_name": ...} or a constant.
GraphItem symbol(const Json& json, ValueKind kind, const Values& values, const std::string& location) {
  const auto [tag, value] = tagged(json, location);
  if (tag == "as_name") return values.find(json_text(json, "as_name", location), kind, location);
  if (tag == "as_int" && kind == ValueKind::integer) return constant_size(*value, location);
  if (tag == "as_float" && kind == ValueKind::real) return real(*value, location);
  if (tag == "as_bool" && kind == ValueKind::truth) return truth(*value, location);
  throw data_error(location, "'{}' is not known here", tag);
}

GraphItem item(const std::string& tag, const Json& value, const Values& values, const std::string& location) {
  if (tag == "as_none") return std::monostate();
  if (tag == "as_tensor") return values.find(json_text(value, "name", location), ValueKind::tensor, location);
  if (tag == "as_optional_tensor") {
    const auto [inner, tensor] = tagged(value, location);
    if (inner == "as_none" || inner == "as_tensor") return item(inner, *tensor, values, location);
  }
  if (tag == "as_int") return constant_size(value, location);
  if (tag == "as_float") return real(value, location);
  if (tag == "as_bool") return truth(value, location);
  if (tag == "as_string" && value.is_string()) return value.get<std::string>();
  if (tag == "as_sym_int") return symbol(value, ValueKind::integer, values, location);
  if (tag == "as_sym_float") return symbol(value, ValueKind::real, values, location);
  if (tag == "as_sym_bool") return symbol(value, ValueKind::truth, values, location);
  if (tag == "as_scalar_type") return exported_scalar_type(value, location);
  if (tag == "as_memory_format") return memory_format(value, location);
  if (tag == "as_layout") return layout(value, location);
  if (tag == "as_device") return NetworkDevice();
  throw data_error(location, "an argument of the kind '{}' is not known here", tag);
}

/// What the items of a list are tagged with where the file leaves it to the list.
const char* item_tag(const std::string& list_tag) {
  static const std::map<std::string, const char*> tags{
      {"as_tensors", "as_tensor"},     {"as_ints", "as_int"},
      {"as_floats", "as_float"},       {"as_bools", "as_bool"},
      {"as_sym_ints", "as_sym_int"},   {"as_sym_floats", "as_sym_float"},
      {"as_sym_bools", "as_sym_bool"}, {"as_optional_tensors", "as_optional_tensor"}};
  const auto found = tags.find(list_tag);
  return found == tags.end() ? nullptr : found->second;
}

GraphArgument argument(const Json& json, const Values& values, const std::string& node) {
  GraphArgument read{.name = json_text(json, "name", node)};
  const std::string location = node + " '" + read.name + "'";
  const Json& content = json_member(json, "arg", location);
  const auto [tag, value] = tagged(content, location);
  const char* const of_items = item_tag(tag);
  if (of_items == nullptr) {
    read.items.push_back(item(tag, *value, values, location));
    return read;
  }
  read.is_list = true;
  for (const Json& one : json_list(content, tag.c_str(), location)) {
    read.items.push_back(item(of_items, one, values, location));
  }
  return read;
}

GraphOutput output(const Json& json, Values& values, const std::string& location) {
  const auto [tag, value] = tagged(json, location);
  if (tag == "as_tensors") {
    GraphOutput list{.is_list = true};
    for (const Json& one : json_list(json, "as_tensors", location)) {
      list.values.push_back(values.add(json_text(one, "name", location), ValueKind::tensor, location));
    }
    return list;
  }
  if (tag == "as_tensor")
    return {.values = {values.add(json_text(*value, "name", location), ValueKind::tensor, location)}};
  static const std::map<std::string, ValueKind> kinds{
      {"as_sym_int", ValueKind::integer}, {"as_sym_float", ValueKind::real}, {"as_sym_bool", ValueKind::truth}};
  const auto kind = kinds.find(tag);
  if (kind == kinds.end()) throw data_error(location, "an output of the kind '{}' is not known here", tag);
  return {.values = {values.add(json_text(*value, "as_name", location), kind->second, location)}};
}

GraphNode node_of(const Json& json, Values& values, const std::string& location) {
  GraphNode node{.name = "", .target = json_text(json, "target", location)};
  node.name = json.contains("name") && json["name"].is_string() ? json["name"].get<std::string>() : node.target;
  const std::string where = location + " node '" + node.name + "'";
  for (const Json& one : json_list(json, "inputs", where)) node.inputs.push_back(argument(one, values, where));
  for (const Json& one : json_list(json, "outputs", where)) node.outputs.push_back(output(one, values, where));
  return node;
}

/// The range of a size: a number, a symbol with its range, or an expression of symbols, about which nothing is said.
SizeRange size_range(const Json& size, const Json& ranges, const std::string& location) {
  const auto [tag, value] = tagged(size, location);
  if (tag == "as_int") {
    const std::int64_t fixed = json_whole(*value, location);
    return {fixed, fixed};
  }
  static const std::regex symbol_name(R"(Symbol\('(\w+)'.*\))");
  const std::string expression = json_text(json_member(size, "as_expr", location), "expr_str", location);
  std::smatch match;
  if (expression.size() > 1000 || !std::regex_match(expression, match, symbol_name)) return {};
  const auto found = ranges.find(match[1].str());
  if (found == ranges.end()) return {};
  SizeRange range;
  const Json &low = json_member(*found, "min_val", location), &high = json_member(*found, "max_val", location);
  // torch.export takes sizes of 0 and 1 for special and writes 2 where 1 is allowed.
  if (!low.is_null() && json_whole(low, location) > 2) range.min = json_whole(low, location);
  if (!high.is_null()) range.max = json_whole(high, location);
  return range;
}

/// Checks an input of the user's against `[B, ...]` float32 of so many axes; gives the sizes it may have.
std::vector<SizeRange> input_sizes(const Json& graph, const Json& ranges, const std::string& name, std::size_t axes,
                                   const std::string& location) {
  const std::string where = location + " input '" + name + "'";
  const Json& meta = json_member(json_member(graph, "tensor_values", where), name.c_str(), where);
  const Json& sizes = json_list(meta, "sizes", where);
  const c10::ScalarType type = exported_scalar_type(json_member(meta, "dtype", where), where);
  if (type != c10::kFloat || sizes.size() != axes) {
    throw data_error(
        where, "expected float32 with {} axes, as the network is called with x [B, C, H, W] and t [B], got {} with {}",
        axes, c10::toString(type), sizes.size());
  }
  std::vector<SizeRange> read;
  for (const Json& size : sizes) read.push_back(size_range(size, ranges, where));
  return read;
}

/// The weights and the user's inputs, by the signature.
void read_inputs(const Json& module, const Json& ranges, const WeightFinder& weight, Values& values,
                 ExportedGraph& graph) {
  const std::string& location = graph.location;
  const Json& signature = json_member(module, "signature", location);
  std::vector<std::string> of_user;
  for (const Json& spec : json_list(signature, "input_specs", location)) {
    const auto [kind, input] = tagged(spec, location);
    const Json& arg = json_member(*input, "arg", location);
    if (kind == "user_input") {
      const auto [tag, tensor] = tagged(arg, location);
      if (tag != "as_tensor") throw data_error(location, "an input of the kind '{}'; expected tensors x and t", tag);
      of_user.push_back(json_text(*tensor, "name", location));
      continue;
    }
    static const std::map<std::string, const char*> names{
        {"parameter", "parameter_name"}, {"buffer", "buffer_name"}, {"tensor_constant", "tensor_constant_name"}};
    const auto name_key = names.find(kind);
    if (name_key == names.end()) throw data_error(location, "an input of the kind '{}' is not known here", kind);
    const std::string name = json_text(*input, name_key->second, location);
    graph.weights.push_back({.value = values.add(json_text(arg, "name", location), ValueKind::tensor, location),
                             .name = name,
                             .is_parameter = kind == "parameter",
                             .tensor = weight(name)});
  }
  if (of_user.size() != 2) {
    throw data_error(location, "expected a module with forward(x, t), got {} inputs ({})", of_user.size(),
                     fmt::join(of_user, ", "));
  }
  const Json& content = json_member(module, "graph", location);
  graph.x_sizes = input_sizes(content, ranges, of_user[0], 4, location);
  const SizeRange times = input_sizes(content, ranges, of_user[1], 1, location).front();
  if ((times.min == times.max) != (graph.x_sizes[0].min == graph.x_sizes[0].max)) {
    throw data_error(location, "the batch is fixed in one of x and t only; export both with a dynamic batch");
  }
  graph.x = values.add(of_user[0], ValueKind::tensor, location);
  graph.t = values.add(of_user[1], ValueKind::tensor, location);
}

void read_output(const Json& module, const Values& values, ExportedGraph& graph) {
  const std::string& location = graph.location;
  const Json& specs = json_list(json_member(module, "signature", location), "output_specs", location);
  if (specs.size() != 1) throw data_error(location, "expected one output, got {}", specs.size());
  const auto [kind, content] = tagged(specs.front(), location);
  if (kind != "user_output") throw data_error(location, "an output of the kind '{}'; expected a tensor", kind);
  const auto [tag, tensor] = tagged(json_member(*content, "arg", location), location);
  if (tag != "as_tensor") throw data_error(location, "an output of the kind '{}'; expected a tensor", tag);
  graph.out = values.find(json_text(*tensor, "name", location), ValueKind::tensor, location);
}

}  // namespace

const Json& json_member(const Json& object, const char* key, const std::string& location) {
  if (!object.is_object()) throw data_error(location, "expected an object with '{}', got {}", key, object.type_name());
  const auto found = object.find(key);
  if (found == object.end()) throw data_error(location, "'{}' is missing", key);
  return *found;
}

const Json& json_list(const Json& object, const char* key, const std::string& location) {
  const Json& list = json_member(object, key, location);
  if (!list.is_array()) throw data_error(location, "'{}': expected a list, got {}", key, list.type_name());
  if (list.size() > kMaxNodes) throw data_error(location, "'{}': {} items, limit {}", key, list.size(), kMaxNodes);
  return list;
}

std::string json_text(const Json& object, const char* key, const std::string& location) {
  const Json& text = json_member(object, key, location);
  if (!text.is_string()) throw data_error(location, "'{}': expected a text, got {}", key, text.type_name());
  return text.get<std::string>();
}

std::int64_t json_whole(const Json& value, const std::string& location) {
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)) {
    throw data_error(location, "expected a whole number, got {}", value.dump().substr(0, 100));
  }
  return value.get<std::int64_t>();
}

c10::ScalarType exported_scalar_type(const Json& number, const std::string& location) {
  static constexpr std::array kTypes{
      c10::kByte,   c10::kChar,        c10::kShort,        c10::kInt,           c10::kLong, c10::kHalf,    c10::kFloat,
      c10::kDouble, c10::kComplexHalf, c10::kComplexFloat, c10::kComplexDouble, c10::kBool, c10::kBFloat16};
  const std::int64_t index = json_whole(number, location);
  if (index < 1 || index > static_cast<std::int64_t>(kTypes.size())) {
    throw data_error(location, "expected a type 1..{}, got {}", kTypes.size(), index);
  }
  return kTypes[static_cast<std::size_t>(index - 1)];
}

ExportedGraph read_exported_graph(const Json& program, const WeightFinder& weight, const std::string& location) {
  const std::int64_t major =
      json_whole(json_member(json_member(program, "schema_version", location), "major", location), location);
  if (major != kSchemaMajor) {
    throw data_error(location, "expected schema version {} of torch.export, as torch 2.11 writes it, got {}",
                     kSchemaMajor, major);
  }
  ExportedGraph graph{
      .location = location, .values = {}, .weights = {}, .x = {}, .t = {}, .out = {}, .x_sizes = {}, .nodes = {}};
  Values values(graph);
  const Json& module = json_member(program, "graph_module", location);
  read_inputs(module, json_member(program, "range_constraints", location), weight, values, graph);
  for (const Json& node : json_list(json_member(module, "graph", location), "nodes", location)) {
    graph.nodes.push_back(node_of(node, values, location));
  }
  read_output(module, values, graph);
  return graph;
}

}  // namespace recon
