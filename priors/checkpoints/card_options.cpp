#include "priors/checkpoints/card_options.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace recon {
namespace {

[[noreturn]] void refuse(const std::string& location, const char* what) {
  throw internal_error(location, "a prior's card holds no options of the kind '{}'", what);
}

void check_bounds(const CardEntry& entry, double value, const Limits& limits) {
  const bool above = limits.open_min ? value > limits.min : value >= limits.min;
  if (!above || value > limits.max) {
    throw data_error(entry.location, "expected a number {} {:g}{}, got {:g}", limits.open_min ? "above" : "of at least",
                     limits.min, std::isfinite(limits.max) ? fmt::format(" and at most {:g}", limits.max) : "", value);
  }
}

void parse(const CardEntry& entry, const Parameter&, bool& value) { value = entry.truth(); }

void parse(const CardEntry& entry, const Parameter& parameter, std::int64_t& value) {
  constexpr double kLargest = 9e15;  // whole numbers that a double holds
  value = entry.whole(static_cast<std::int64_t>(std::max(parameter.limits.min, -kLargest)),
                      static_cast<std::int64_t>(std::min(parameter.limits.max, kLargest)));
}

void parse(const CardEntry& entry, const Parameter& parameter, double& value) {
  value = entry.number();
  check_bounds(entry, value, parameter.limits);
}

void parse(const CardEntry& entry, const Parameter& parameter, std::string& value) {
  value = entry.text();
  const std::vector<std::string>& allowed = parameter.words;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    throw entry.wrong(fmt::format("one of {}", fmt::join(allowed, ", ")).c_str());
  }
}

template <class Item>
void parse(const CardEntry& entry, const Parameter& parameter, std::vector<Item>& values) {
  values.clear();
  const char* const wanted = std::is_arithmetic_v<Item> ? "a list of numbers" : "a list of words";
  for (const CardEntry& item : entry.list(wanted)) parse(item, parameter, values.emplace_back());
}

}  // namespace

CardOptions::CardOptions(CardEntry entry, const char* word_key) : entry_(std::move(entry)) {
  if (entry_.node.IsScalar()) {
    keys_.emplace(word_key, entry_);
    return;
  }
  if (!entry_.node.IsMap()) {
    throw data_error(entry_.location, "expected a word or `key: value` pairs, got {}",
                     entry_.node.IsNull() ? "nothing" : "a list");
  }
  const std::string file = entry_.location.substr(0, entry_.location.rfind(':', entry_.location.rfind(" '")));
  for (const auto& pair : entry_.node) {
    const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "";
    const CardEntry value{pair.second, fmt::format("{}:{} '{}'", file, pair.first.Mark().line + 1, key)};
    if (!keys_.emplace(key, value).second) throw data_error(value.location, "the key is there twice");
  }
}

void CardOptions::visit(const Parameter& parameter) {
  known_.emplace_back(parameter.name);
  const auto entry = keys_.find(parameter.name);
  std::visit(
      [&](auto* value) {
        if constexpr (requires { parse(entry->second, parameter, *value); }) {
          if (entry != keys_.end()) parse(entry->second, parameter, *value);
        } else {
          refuse(location(), parameter.name);
        }
      },
      parameter.value);
}

std::vector<std::shared_ptr<ParameterVisitor>> CardOptions::sections(const char* name, const char*) {
  refuse(location(), name);
}

void CardOptions::finish() const {
  for (const auto& [key, entry] : keys_) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      throw data_error(entry.location, "unknown key; known here are {}", fmt::join(known_, ", "));
    }
  }
}

}  // namespace recon
