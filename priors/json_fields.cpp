#include "priors/json_fields.h"

#include <fmt/ranges.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "priors/mapped_file.h"
#include "recon/core/error.h"

namespace recon {
namespace {

using Json = nlohmann::json;

bool fits(const Json& json, const bool*) { return json.is_boolean(); }
bool fits(const Json& json, const std::int64_t*) {
  // Unsigned numbers beyond the signed range would wrap around.
  return json.is_number_integer() && (!json.is_number_unsigned() || json.get<std::uint64_t>() <= INT64_MAX);
}
bool fits(const Json& json, const double*) { return json.is_number(); }
bool fits(const Json& json, const std::string*) { return json.is_string(); }
template <class T>
bool fits(const Json& json, const std::vector<T>*) {
  return json.is_array() &&
         std::all_of(json.begin(), json.end(), [](const Json& item) { return fits(item, static_cast<T*>(nullptr)); });
}

/// The words that Python writes for numbers that JSON has not, outside texts, as texts.
std::string with_words_quoted(std::string_view text) {
  std::string quoted;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    if (inside && text[at] == '\\') {
      quoted += text.substr(at, 2);
      at += 2;
      continue;
    }
    if (text[at] == '"') inside = !inside;
    std::string_view word;
    for (const std::string_view known : {"-Infinity", "Infinity", "NaN"}) {
      if (word.empty() && !inside && text.substr(at).starts_with(known)) word = known;
    }
    quoted += word.empty() ? std::string(1, text[at]) : '"' + std::string(word) + '"';
    at += std::max<std::size_t>(word.size(), 1);
  }
  return quoted;
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& location, int max_depth) {
  std::vector<std::set<std::string>> open_objects;
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > max_depth) throw data_error(location, "expected JSON nested at most {} deep, got more", max_depth);
    if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == Json::parse_event_t::object_end) open_objects.pop_back();
    if (event == Json::parse_event_t::key && !open_objects.back().insert(parsed.get<std::string>()).second) {
      throw data_error(location, "the key '{}' is there twice", parsed.get<std::string>());
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Json::exception& error) {
    throw data_error(location, "not valid JSON: {}", error.what());
  }
}

nlohmann::json parse_json_file(const std::filesystem::path& path) {
  return parse_json(with_words_quoted(MappedFile(path).bytes()), path.string());
}

JsonFields::JsonFields(const nlohmann::json& object, std::string location)
    : object_(std::make_unique<Json>(object)), location_(std::move(location)) {
  if (!object_->is_object()) throw data_error(location_, "expected a JSON object, got {}", object_->type_name());
}

JsonFields::~JsonFields() = default;

template <class T>
bool JsonFields::read_as(const char* key, T& value, const char* wanted) {
  const Json& json = take(key);
  if (!object_->contains(key)) return false;
  if (!fits(json, &value)) throw data_error(location_, "'{}': expected {}, got {}", key, wanted, json.dump());
  json.get_to(value);
  return true;
}

bool JsonFields::read(const char* key, bool& value) { return read_as(key, value, "true or false"); }
bool JsonFields::read(const char* key, std::int64_t& value) { return read_as(key, value, "a whole number"); }
bool JsonFields::read(const char* key, double& value) { return read_as(key, value, "a number"); }
bool JsonFields::read(const char* key, std::string& value) { return read_as(key, value, "a text"); }
bool JsonFields::read(const char* key, std::vector<std::int64_t>& value) {
  return read_as(key, value, "a list of whole numbers");
}
bool JsonFields::read(const char* key, std::vector<double>& value) { return read_as(key, value, "a list of numbers"); }
bool JsonFields::read(const char* key, std::vector<std::string>& value) {
  return read_as(key, value, "a list of texts");
}

bool JsonFields::read(const char* key, std::optional<std::int64_t>& value) {
  if (!object_->contains(key)) return false;
  if (take(key).is_null()) return value.reset(), true;
  return read_as(key, value.emplace(), "a whole number or null");
}

bool JsonFields::read(const char* key, std::optional<std::string>& value) {
  if (!object_->contains(key)) return false;
  if (take(key).is_null()) return value.reset(), true;
  return read_as(key, value.emplace(), "a text or null");
}

const nlohmann::json& JsonFields::take(const char* key) {
  static const Json absent;
  taken_.insert(key);
  const auto found = object_->find(key);
  return found == object_->end() ? absent : *found;
}

void JsonFields::ignore(const std::vector<const char*>& keys) { taken_.insert(keys.begin(), keys.end()); }

void JsonFields::refuse_the_rest(const std::string& reader) const {
  std::vector<std::string> unknown;
  for (const auto& [key, value] : object_->items()) {
    if (!key.starts_with('_') && !taken_.contains(key)) unknown.push_back(key);
  }
  if (unknown.empty()) return;
  throw data_error(location_, "unknown key(s) {}: {} knows {}", fmt::join(unknown, ", "), reader,
                   fmt::join(taken_, ", "));
}

}  // namespace recon
