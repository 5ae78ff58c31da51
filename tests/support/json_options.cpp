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

void check_limits(const std::string& location, const char* name, double value, const Limits& limits) {
  const bool ok = value >= limits.min && value <= limits.max && !(limits.open_min && value == limits.min);
  if (!ok) throw usage_error(location, "{} = {} is out of bounds", name, value);
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
  if (entry == nullptr) return;
  try {
    std::visit([&](auto* value) { parse(*entry, *value); }, parameter.value);
  } catch (const nlohmann::json::exception& error) {
    throw usage_error(location_, "{}: {}", parameter.name, error.what());
  }
  if (entry->is_number()) check_limits(location_, parameter.name, entry->get<double>(), parameter.limits);
  if (parameter.words.empty()) return;
  const auto word = entry->get<std::string>();
  if (std::find(parameter.words.begin(), parameter.words.end(), word) == parameter.words.end()) {
    throw usage_error(location_, "{}: '{}' is not one of the allowed words", parameter.name, word);
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
