#pragma once

#include <yaml-cpp/yaml.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "recon/core/error.h"
#include "recon/core/parameters.h"

namespace recon {

/// A node of a prior's card and where it stands. The readers throw Error(data) at that location.
struct CardEntry {
  YAML::Node node;
  std::string location;  ///< file:line 'key'

  Error wrong(const char* wanted) const {
    return data_error(location, "expected {}, got {}", wanted,
                      node.IsScalar() ? "'" + node.Scalar() + "'"
                      : node.IsNull() ? "nothing"
                                      : "a list or a map");
  }
  std::string text() const {
    if (!node.IsScalar() || node.Scalar().empty()) throw wrong("a text");
    return node.Scalar();
  }
  double number(const char* wanted = "a number") const {
    double value = 0;
    if (!node.IsScalar() || !YAML::convert<double>::decode(node, value) || !std::isfinite(value)) throw wrong(wanted);
    return value;
  }
  bool truth() const {
    bool value = false;
    if (!node.IsScalar() || !YAML::convert<bool>::decode(node, value)) throw wrong("true or false");
    return value;
  }
  double positive() const {
    const double value = number("a positive number");
    if (!(value > 0)) throw wrong("a positive number");
    return value;
  }
  std::int64_t whole(std::int64_t low, std::int64_t high) const {
    std::int64_t value = 0;
    const std::string wanted = fmt::format("a whole number in {}..{}", low, high);
    if (!node.IsScalar() || !YAML::convert<std::int64_t>::decode(node, value)) throw wrong(wanted.c_str());
    if (value < low || value > high) throw wrong(wanted.c_str());
    return value;
  }
  std::vector<CardEntry> list(const char* wanted, std::size_t length = 0) const {
    if (!node.IsSequence() || (length != 0 && node.size() != length)) throw wrong(wanted);
    std::vector<CardEntry> entries;
    for (const auto& item : node) entries.push_back({item, location});
    return entries;
  }
};

/// The visitor that reads options from a mapping of a prior's card (the card may not include recon/config). A single
/// word stands for a mapping that has only the key `word_key`. Numbers, texts and lists of them; anything else is
/// Error(internal). Faults are Error(data) with the card's line.
class CardOptions final : public ParameterVisitor {
 public:
  CardOptions(CardEntry entry, const char* word_key);

  void visit(const Parameter& parameter) override;
  std::vector<std::shared_ptr<ParameterVisitor>> sections(const char* name, const char* doc) override;
  std::string location() const override { return entry_.location; }

  /// Throws for a key that was never visited, naming those that were.
  void finish() const;

 private:
  CardEntry entry_;
  std::map<std::string, CardEntry> keys_;
  std::vector<std::string> known_;
};

}  // namespace recon
