#include "tests/support/json_options.h"

#include <ATen/ATen.h>

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

template <class T>
void JsonOptions::read(const char* name, T& value) {
  const auto* entry = find(name);
  if (entry == nullptr) return;
  try {
    value = entry->get<T>();
  } catch (const nlohmann::json::exception& error) {
    throw usage_error(location_, "{}: {}", name, error.what());
  }
}

void JsonOptions::field(const char* name, bool& value, const char*) { read(name, value); }

void JsonOptions::field(const char* name, std::int64_t& value, const char*, Limits limits) {
  read(name, value);
  check_limits(location_, name, static_cast<double>(value), limits);
}

void JsonOptions::field(const char* name, double& value, const char*, Limits limits) {
  read(name, value);
  check_limits(location_, name, value, limits);
}

void JsonOptions::field(const char* name, std::string& value, const char*) { read(name, value); }

void JsonOptions::field(const char* name, std::optional<double>& value, const char*, Limits limits) {
  if (json_.contains(name)) read(name, value.emplace());
  known_.insert(name);
  if (value) check_limits(location_, name, *value, limits);
}

void JsonOptions::field(const char* name, std::optional<std::string>& value, const char*) {
  if (json_.contains(name)) read(name, value.emplace());
  known_.insert(name);
}

void JsonOptions::field(const char* name, std::vector<double>& value, const char*) { read(name, value); }

void JsonOptions::field(const char* name, std::vector<std::string>& value, const char*) { read(name, value); }

void JsonOptions::choice(const char* name, std::string& value, const std::vector<std::string>& allowed, const char*) {
  read(name, value);
  for (const auto& word : allowed) {
    if (word == value) return;
  }
  throw usage_error(location_, "{}: '{}' is not one of the allowed words", name, value);
}

void JsonOptions::array(const char* name, at::Tensor& value, const char*) {
  const auto* entry = find(name);
  if (entry == nullptr) return;
  Shape shape;
  std::vector<double> values;
  flatten(*entry, 0, shape, values);
  value = at::tensor(values, at::kDouble).reshape(shape);
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
