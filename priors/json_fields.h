#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace recon {

/// Strict JSON: one value, no duplicate keys, nested at most `max_depth` deep. Throws Error(data) at `location` with
/// the byte where it went wrong. Key order is not kept.
nlohmann::json parse_json(std::string_view text, const std::string& location, int max_depth = 32);
/// As parse_json, but for a file: the words NaN, Infinity and -Infinity, which Python's json module writes and JSON has
/// not, are read as texts, so that they do no harm where nobody asks for them and are named where a number is wanted.
nlohmann::json parse_json_file(const std::filesystem::path& path);

/// The fields of a JSON object, taken one by one; what nobody took is refused by name in the end.
///
/// Each `read` leaves `value` alone when the key is absent, returns whether it was there, and throws Error(data) naming
/// the key and the type wanted when it has another. `null` is allowed for optionals only.
class JsonFields {
 public:
  JsonFields(const nlohmann::json& object, std::string location);
  ~JsonFields();
  JsonFields(const JsonFields&) = delete;
  JsonFields& operator=(const JsonFields&) = delete;

  bool read(const char* key, bool& value);
  bool read(const char* key, std::int64_t& value);
  bool read(const char* key, double& value);
  bool read(const char* key, std::string& value);
  bool read(const char* key, std::optional<std::int64_t>& value);
  bool read(const char* key, std::optional<std::string>& value);
  bool read(const char* key, std::vector<std::int64_t>& value);
  bool read(const char* key, std::vector<double>& value);
  bool read(const char* key, std::vector<std::string>& value);

  /// Takes a key whatever it holds; null (the JSON value) when absent.
  const nlohmann::json& take(const char* key);
  /// Takes keys that are read and then mean nothing to us.
  void ignore(const std::vector<const char*>& keys);

  const std::string& location() const { return location_; }
  /// Throws Error(data) listing keys that were not taken, saying what `reader` is and which keys it knows. Keys that
  /// start with an underscore are bookkeeping of the writer and pass.
  void refuse_the_rest(const std::string& reader) const;

 private:
  template <class T>
  bool read_as(const char* key, T& value, const char* wanted);

  std::unique_ptr<nlohmann::json> object_;
  std::string location_;
  std::set<std::string> taken_;
};

}  // namespace recon
