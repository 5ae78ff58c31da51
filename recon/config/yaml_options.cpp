#include "recon/config/yaml_options.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "recon/config/yaml_scalars.h"
#include "recon/core/error.h"
#include "recon/core/nearest.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

std::string word_of(const YamlNode& node, const Parameter& parameter) {
  std::string word = text_of(node, parameter.name);
  const std::vector<std::string>& allowed = parameter.words;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), word) == allowed.end()) {
    const auto near = nearest(word, allowed);
    throw usage_error(node.location, "{}: expected one of {}; found '{}'{}", parameter.name, fmt::join(allowed, ", "),
                      word, near ? fmt::format("; did you mean '{}'?", *near) : "");
  }
  return word;
}

void parse(const YamlNode& node, const Parameter& parameter, bool& value) { value = bool_of(node, parameter.name); }
void parse(const YamlNode& node, const Parameter& parameter, std::int64_t& value) {
  value = integer_of(node, parameter.name, parameter.limits);
}
void parse(const YamlNode& node, const Parameter& parameter, double& value) {
  value = number_of(node, parameter.name, parameter.limits);
}
void parse(const YamlNode& node, const Parameter& parameter, std::string& value) { value = word_of(node, parameter); }

template <class Value>
void parse(const YamlNode& node, const Parameter& parameter, std::optional<Value>& value) {
  value.reset();
  if (node.kind != YamlNode::Kind::null) parse(node, parameter, value.emplace());
}

/// A list of values; a single value is a list of one.
template <class Value>
void parse(const YamlNode& node, const Parameter& parameter, std::vector<Value>& values) {
  values.clear();
  if (node.kind != YamlNode::Kind::sequence) return parse(node, parameter, values.emplace_back());
  for (const auto& item : node.items) parse(*item, parameter, values.emplace_back());
}

ordered_json nested_list(const at::Tensor& numbers) {
  if (numbers.dim() == 0) return numbers.item<double>();
  ordered_json list = ordered_json::array();
  for (std::int64_t i = 0; i < numbers.size(0); ++i) list.push_back(nested_list(numbers[i]));
  return list;
}

[[noreturn]] void refuse(const std::string& section, const YamlNode& node) {
  throw usage_error(node.location, "{}: expected a section of `key: value` lines, found {}", section,
                    node.description());
}

}  // namespace

YamlOptions::YamlOptions(YamlNodePtr node, std::string section, Mode mode, ArraySource arrays)
    : node_(as_section(node)), section_(std::move(section)), mode_(mode), arrays_(std::move(arrays)) {
  if (node_->kind != YamlNode::Kind::mapping && node_->kind != YamlNode::Kind::null) refuse(section_, *node_);
}

const YamlNode* YamlOptions::find(const char* name) {
  if (std::find(known_.begin(), known_.end(), name) == known_.end()) known_.emplace_back(name);
  const YamlEntry* entry = node_->find(name);
  return entry == nullptr ? nullptr : entry->value.get();
}

void YamlOptions::visit(const Parameter& parameter) {
  std::visit([&](auto* value) { read(parameter, *value); }, parameter.value);
}

template <class Value>
void YamlOptions::read(const Parameter& parameter, Value& value) {
  if (const YamlNode* node = find(parameter.name)) parse(*node, parameter, value);
  resolved_[parameter.name] = option_json(value);
}

void YamlOptions::read(const Parameter& parameter, at::Tensor& value) {
  const char* name = parameter.name;
  const YamlNode* node = find(name);
  if (node == nullptr || node->kind == YamlNode::Kind::null) return;
  if (node->kind == YamlNode::Kind::sequence) {
    value = numbers_of(*node, name);
    resolved_[name] = nested_list(value);
  } else if (arrays_ != nullptr) {
    if (mode_ == Mode::check) return;
    LoadedArray loaded = arrays_(*node, name);
    value = std::move(loaded.value);
    resolved_[name] = std::move(loaded.written);
  } else {
    throw usage_error(node->location, "{}: expected a list of numbers, found {}", name, node->description());
  }
}

YamlNodePtr YamlOptions::node(const char* name) {
  find(name);
  const YamlEntry* entry = node_->find(name);
  return entry == nullptr || entry->value->kind == YamlNode::Kind::null ? nullptr : entry->value;
}

std::vector<YamlNodePtr> YamlOptions::nodes(const char* name) {
  const YamlNodePtr value = node(name);
  if (value == nullptr) return {};
  if (value->kind == YamlNode::Kind::sequence) return value->items;
  return {value};
}

std::vector<std::shared_ptr<ParameterVisitor>> YamlOptions::sections(const char* name, const char*) {
  const auto mappings = nodes(name);
  auto& children = children_[name];
  children.clear();
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    const std::string label = mappings.size() > 1 ? fmt::format("{}.{}", name, i) : name;
    children.push_back(
        std::make_shared<YamlOptions>(mappings[i], section_.empty() ? label : section_ + "." + label, mode_, arrays_));
  }
  resolved_[name] = nullptr;  // keeps the key's position; resolved() fills it
  return {children.begin(), children.end()};
}

std::string YamlOptions::location() const { return node_->location_of(section_); }

std::string YamlOptions::location_of(const char* name) const {
  const YamlEntry* entry = node_->find(name);
  return entry == nullptr ? location() : entry->value->location_of(name);
}

std::filesystem::path YamlOptions::path_of(const char* name, const std::string& value) const {
  const YamlEntry* entry = node_->find(name);
  if (entry == nullptr || value.empty()) return value;
  return (entry->value->folder / value).lexically_normal();
}

void YamlOptions::finish_this_section() const {
  for (const auto& entry : node_->entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) == known_.end()) {
      if (node_->from_word && entry.key == "type") refuse(section_, *entry.value);
      throw usage_error(entry.location, "unknown key '{}'{}{}", entry.key, section_.empty() ? "" : " in " + section_,
                        suggestion(entry.key, known_));
    }
  }
}

void YamlOptions::finish() const {
  finish_this_section();
  for (const auto& [name, children] : children_) {
    for (const auto& child : children) child->finish();
  }
}

ordered_json YamlOptions::resolved() const {
  ordered_json all = resolved_;
  for (const auto& [name, children] : children_) {
    if (children.empty() && !all[name].is_null()) continue;  // absent, and set_resolved() said what that means
    const YamlEntry* entry = node_->find(name);
    const bool single = entry != nullptr && entry->value->kind != YamlNode::Kind::sequence;
    if (single) {
      all[name] = children.front()->resolved();
      continue;
    }
    all[name] = ordered_json::array();
    for (const auto& child : children) all[name].push_back(child->resolved());
  }
  return all;
}

YamlOptions checked_read(const YamlNodePtr& node, const std::string& section, const ArraySource& arrays,
                         const std::function<void(YamlOptions&)>& visit) {
  YamlOptions check(node, section, YamlOptions::Mode::check, arrays);
  visit(check);
  check.finish_this_section();
  YamlOptions read(node, section, YamlOptions::Mode::read, arrays);
  visit(read);
  read.finish();
  return read;
}

}  // namespace recon
