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

std::optional<CardEntry> CardOptions::find(const char* name) {
  known_.emplace_back(name);
  const auto found = keys_.find(name);
  return found == keys_.end() ? std::nullopt : std::optional(found->second);
}

void CardOptions::field(const char* name, bool& value, const char*) {
  const auto entry = find(name);
  if (entry && (!entry->node.IsScalar() || !YAML::convert<bool>::decode(entry->node, value))) {
    throw entry->wrong("true or false");
  }
}

void CardOptions::field(const char* name, std::int64_t& value, const char*, Limits limits) {
  const auto entry = find(name);
  if (!entry) return;
  constexpr double kLargest = 9e15;  // whole numbers that a double holds
  value = entry->whole(static_cast<std::int64_t>(std::max(limits.min, -kLargest)),
                       static_cast<std::int64_t>(std::min(limits.max, kLargest)));
}

void CardOptions::field(const char* name, double& value, const char*, Limits limits) {
  const auto entry = find(name);
  if (!entry) return;
  value = entry->number();
  check_bounds(*entry, value, limits);
}

void CardOptions::field(const char* name, std::string& value, const char*) {
  if (const auto entry = find(name)) value = entry->text();
}

void CardOptions::field(const char* name, std::vector<double>& value, const char*) {
  const auto entry = find(name);
  if (!entry) return;
  value.clear();
  for (const CardEntry& item : entry->list("a list of numbers")) value.push_back(item.number());
}

void CardOptions::field(const char* name, std::optional<double>&, const char*, Limits) { refuse(location(), name); }
void CardOptions::field(const char* name, std::optional<std::string>&, const char*) { refuse(location(), name); }
void CardOptions::field(const char* name, std::vector<std::string>&, const char*) { refuse(location(), name); }
void CardOptions::choice(const char* name, std::string& value, const std::vector<std::string>& allowed, const char*) {
  const auto entry = find(name);
  if (!entry) return;
  value = entry->text();
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    throw entry->wrong(fmt::format("one of {}", fmt::join(allowed, ", ")).c_str());
  }
}
void CardOptions::array(const char* name, at::Tensor&, const char*) { refuse(location(), name); }
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
