#include "recon/config/yaml_scalars.h"

#include <ATen/ATen.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

[[noreturn]] void refuse(const YamlNode& node, const std::string& option, const std::string& expected) {
  throw usage_error(node.location, "{}: expected {}, found {}", option, expected, node.description());
}

std::optional<double> parse_double(const std::string& text) {
  if (text == ".inf" || text == "+.inf" || text == ".Inf") return std::numeric_limits<double>::infinity();
  if (text == "-.inf" || text == "-.Inf") return -std::numeric_limits<double>::infinity();
  const char* begin = text.data();
  const char* const end = begin + text.size();
  if (text.size() > 1 && *begin == '+') ++begin;
  double value = 0;
  const auto [rest, status] = std::from_chars(begin, end, value);
  if (status != std::errc() || rest != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string with_bounds(const std::string& what, const Limits& limits) {
  const std::string bounds = to_string(limits);
  return bounds.empty() ? what : what + " " + bounds;
}

bool within(double value, const Limits& limits) {
  return value <= limits.max && (limits.open_min ? value > limits.min : value >= limits.min);
}

void collect(const YamlNode& node, const std::string& option, std::size_t depth, Shape& shape,
             std::vector<double>& values) {
  if (node.kind != YamlNode::Kind::sequence) {
    if (depth != shape.size()) refuse(node, option, "a list as long as its neighbours");
    values.push_back(number_of(node, option));
    return;
  }
  const auto extent = static_cast<std::int64_t>(node.items.size());
  if (extent == 0) refuse(node, option, "at least one number");
  if (depth == shape.size() && values.empty()) shape.push_back(extent);
  if (depth >= shape.size() || shape[depth] != extent) {
    refuse(node, option, fmt::format("rows of equal length, here {}", depth < shape.size() ? shape[depth] : 0));
  }
  for (const auto& item : node.items) collect(*item, option, depth + 1, shape, values);
}

}  // namespace

bool bool_of(const YamlNode& node, const std::string& option) {
  if (node.kind == YamlNode::Kind::scalar && !node.quoted) {
    if (node.text == "true" || node.text == "True") return true;
    if (node.text == "false" || node.text == "False") return false;
  }
  refuse(node, option, "true or false");
}

std::int64_t integer_of(const YamlNode& node, const std::string& option, const Limits& limits) {
  const std::string expected = with_bounds("a whole number", limits);
  if (node.kind != YamlNode::Kind::scalar || node.quoted) refuse(node, option, expected);
  std::int64_t value = 0;
  const char* const end = node.text.data() + node.text.size();
  const auto [rest, status] = std::from_chars(node.text.data(), end, value);
  if (status != std::errc() || rest != end || !within(static_cast<double>(value), limits)) {
    refuse(node, option, expected);
  }
  return value;
}

double number_of(const YamlNode& node, const std::string& option, const Limits& limits) {
  const std::string expected = with_bounds("a number", limits);
  if (node.kind != YamlNode::Kind::scalar || node.quoted) refuse(node, option, expected);
  const auto value = parse_double(node.text);
  if (!value || !within(*value, limits)) refuse(node, option, expected);
  return *value;
}

std::string text_of(const YamlNode& node, const std::string& option) {
  if (node.kind != YamlNode::Kind::scalar) refuse(node, option, "a text");
  return node.text;
}

at::Tensor numbers_of(const YamlNode& node, const std::string& option) {
  Shape shape;
  std::vector<double> values;
  collect(node, option, 0, shape, values);
  return at::tensor(values, at::kDouble).reshape(shape);
}

nlohmann::ordered_json as_json(const YamlNode& node) {
  using nlohmann::ordered_json;
  if (node.kind == YamlNode::Kind::scalar) {
    const auto value = ordered_json::parse(node.text, nullptr, /*allow_exceptions=*/false);
    return !node.quoted && (value.is_number() || value.is_boolean()) ? value : ordered_json(node.text);
  }
  ordered_json json;
  for (const auto& item : node.items) json.push_back(as_json(*item));
  for (const auto& entry : node.entries) json[entry.key] = as_json(*entry.value);
  return json;
}

std::string to_string(const Limits& limits) {
  std::string text;
  if (std::isfinite(limits.min)) text = fmt::format("{} {}", limits.open_min ? ">" : ">=", limits.min);
  if (std::isfinite(limits.max)) text += fmt::format("{}<= {}", text.empty() ? "" : " and ", limits.max);
  return text;
}

}  // namespace recon
