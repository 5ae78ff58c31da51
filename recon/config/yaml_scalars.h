#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "recon/config/yaml_node.h"
#include "recon/core/parameters.h"

namespace recon {

/// Typed values of YAML nodes. `option` names the key in messages; every fault is an Error(usage) "PLACE: OPTION:
/// expected ..., found ...".
bool bool_of(const YamlNode& node, const std::string& option);
std::int64_t integer_of(const YamlNode& node, const std::string& option, const Limits& limits = {});
double number_of(const YamlNode& node, const std::string& option, const Limits& limits = {});
std::string text_of(const YamlNode& node, const std::string& option);
/// Nested number lists of equal lengths as a float64 tensor; a single number is 0-dimensional.
at::Tensor numbers_of(const YamlNode& node, const std::string& option);

/// A value of any kind, as it will read again: what is not in quotes and reads as a number or a truth value is one.
nlohmann::ordered_json as_json(const YamlNode& node);

/// The value of an option for listings and resolved configs; null where nothing is given.
template <class Value>
nlohmann::ordered_json option_json(const Value& value) {
  return value;
}
template <class Value>
nlohmann::ordered_json option_json(const std::optional<Value>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

/// ">= 1", "> 0 and <= 1", "" without bounds.
std::string to_string(const Limits& limits);

}  // namespace recon
