#include "tests/support/json_options.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

void flatten(const nlohmann::json& list, std::size_t depth, Shape& shape, std::vector<double>& values) {
  if (!list.is_array()) {
    values.push_back(list.get<double>());
    return;
  }
  const auto length = static_cast<std::int64_t>(list.size());
  if (shape.size() == depth) shape.push_back(length);
  if (shape[depth] != length) throw usage_error("array", "rows of different length");
  for (const auto& entry : list) flatten(entry, depth + 1, shape, values);
}

// Given or default: a default may not be what its own option refuses.
template <class Value>
void check(const std::string&, const Parameter&, const Value&) {}

void check(const std::string& location, const Parameter& parameter, double value) {
  const Limits& limits = parameter.limits;
  const bool ok = value >= limits.min && value <= limits.max && !(limits.open_min && value == limits.min);
  if (!ok) throw usage_error(location, "{} = {} is out of bounds", parameter.name, value);
}

void check(const std::string& location, const Parameter& parameter, std::int64_t value) {
  check(location, parameter, static_cast<double>(value));
}

void check(const std::string& location, const Parameter& parameter, const std::string& value) {
  const auto& words = parameter.words;
  if (!words.empty() && std::find(words.begin(), words.end(), value) == words.end()) {
    throw usage_error(location, "{}: '{}' is not one of the allowed words", parameter.name, value);
  }
}

template <class Value>
void check(const std::string& location, const Parameter& parameter, const std::optional<Value>& value) {
  if (value) check(location, parameter, *value);
}

template <class Value>
void check(const std::string& location, const Parameter& parameter, const std::vector<Value>& values) {
  for (const Value& value : values) check(location, parameter, value);
}

template <class Value>
void parse(const nlohmann::json& entry, Value& value) {
  value = entry.get<Value>();
}

template <class Value>
void parse(const nlohmann::json& entry, std::optional<Value>& value) {
  value = entry.get<Value>();
}

void parse(const nlohmann::json& entry, at::Tensor& value) {
  Shape shape;
  std::vector<double> values;
  flatten(entry, 0, shape, values);
  value = at::tensor(values, at::kDouble).reshape(shape);
}

}  // namespace

JsonOptions::JsonOptions(const std::string& text, std::string location)
    : JsonOptions(nlohmann::json::parse(text), std::move(location)) {}

JsonOptions::JsonOptions(nlohmann::json json, std::string location)
    : json_(std::move(json)), location_(std::move(location)) {}

const nlohmann::json* JsonOptions::find(const char* name) {
  known_.insert(name);
  const auto entry = json_.find(name);
  return entry == json_.end() ? nullptr : &*entry;
}

void JsonOptions::visit(const Parameter& parameter) {
  const auto* entry = find(parameter.name);
  const auto read = [&](auto* value) {
    if (entry != nullptr) parse(*entry, *value);
    check(location_, parameter, *value);
  };
  try {
    std::visit(read, parameter.value);
  } catch (const nlohmann::json::exception& error) {
    throw usage_error(location_, "{}: {}", parameter.name, error.what());
  }
}

std::vector<std::shared_ptr<ParameterVisitor>> JsonOptions::sections(const char* name, const char*) {
  std::vector<std::shared_ptr<ParameterVisitor>> result;
  if (const auto* list = find(name)) {
    for (const auto& entry : *list) {
      sections_.push_back(std::make_shared<JsonOptions>(entry, location_ + "." + name));
      result.push_back(sections_.back());
    }
  }
  return result;
}

void JsonOptions::finish() const {
  for (const auto& [key, ignored] : json_.items()) {
    if (!known_.contains(key)) throw usage_error(location_, "unknown key '{}'", key);
  }
  for (const auto& section : sections_) section->finish();
}

}  // namespace recon
