#include "recon/config/option_lister.h"

#include <ATen/core/Tensor.h>
#include <fmt/ranges.h>

#include "recon/config/yaml_scalars.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

bool is_flat(const ordered_json& value) {
  if (!value.is_structured() || value.empty()) return true;
  if (value.is_object()) return false;
  for (const auto& item : value) {
    if (!is_flat(item)) return false;
  }
  return true;
}

void write_yaml(const ordered_json& value, const std::string& indent, std::string& out) {
  if (is_flat(value)) {
    out += " " + value.dump() + "\n";
  } else if (value.is_object()) {
    out += "\n";
    for (const auto& [key, item] : value.items()) {
      out += indent + key + ":";
      write_yaml(item, indent + "  ", out);
    }
  } else {
    out += "\n";
    for (const auto& item : value) {
      std::string block;
      write_yaml(item, indent + "  ", block);
      // A mapping begins on the line of its dash.
      const std::size_t skip = block.front() == '\n' ? indent.size() + 3 : 1;
      out += indent + "- " + block.substr(skip);
    }
  }
}

/// What `recon list` calls the type of an option.
struct TypeName {
  const char* operator()(const bool*) const { return "bool"; }
  const char* operator()(const std::int64_t*) const { return "integer"; }
  const char* operator()(const double*) const { return "number"; }
  const char* operator()(const std::string*) const { return "text"; }
  const char* operator()(const std::vector<std::int64_t>*) const { return "integers"; }
  const char* operator()(const std::vector<double>*) const { return "numbers"; }
  const char* operator()(const std::vector<std::string>*) const { return "texts"; }
  const char* operator()(const at::Tensor*) const { return "array"; }
  template <class Value>
  const char* operator()(const std::optional<Value>*) const {
    return (*this)(static_cast<const Value*>(nullptr));
  }
};

ordered_json default_of(const auto& value) { return option_json(value); }
ordered_json default_of(const at::Tensor&) { return nullptr; }

std::string shown_default(const ordered_json& option) {
  if (!option.contains("default")) return "";
  const ordered_json& value = option["default"];
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>().empty() ? "-" : value.get<std::string>();
  return value.dump();
}

}  // namespace

void OptionLister::visit(const Parameter& parameter) {
  ordered_json option = {{"name", parameter.name},
                         {"type", parameter.words.empty() ? std::visit(TypeName{}, parameter.value) : "choice"},
                         {"default", std::visit([](const auto* value) { return default_of(*value); }, parameter.value)},
                         {"doc", parameter.doc}};
  if (const std::string bounds = to_string(parameter.limits); !bounds.empty()) option["limits"] = bounds;
  if (!parameter.words.empty()) option["choices"] = parameter.words;
  options_.push_back(std::move(option));
}

std::vector<std::shared_ptr<ParameterVisitor>> OptionLister::sections(const char* name, const char* doc) {
  auto& child = children_[options_.size()];
  child = std::make_shared<OptionLister>();
  options_.push_back({{"name", name}, {"type", "section"}, {"doc", doc}});
  return {child};
}

ordered_json OptionLister::options() const {
  ordered_json all = options_;
  for (const auto& [position, child] : children_) {
    ordered_json keys = child->options();
    if (!keys.empty()) all[position]["keys"] = std::move(keys);
  }
  return all;
}

std::string options_as_text(const ordered_json& options, int indent) {
  std::size_t name_width = 0;
  std::size_t default_width = 0;
  for (const auto& option : options) {
    name_width = std::max(name_width, option["name"].get<std::string>().size());
    default_width = std::max(default_width, shown_default(option).size());
  }
  std::string text;
  for (const auto& option : options) {
    std::string doc = option["doc"].get<std::string>();
    if (option.contains("choices")) {
      doc += fmt::format(" ({})", fmt::join(option["choices"].get<std::vector<std::string>>(), " | "));
    }
    if (option.contains("limits")) doc += fmt::format(" ({})", option["limits"].get<std::string>());
    text += fmt::format("{:{}}{:<{}}  {:<{}}  {}\n", "", indent, option["name"].get<std::string>(), name_width,
                        shown_default(option), default_width, doc);
    if (option.contains("keys")) text += options_as_text(option["keys"], indent + 4);
  }
  return text;
}

std::string to_yaml(const ordered_json& value) {
  std::string text;
  write_yaml(value, "", text);
  return text.substr(1);  // the space or line break before the first value
}

}  // namespace recon
