#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "recon/core/words.h"

namespace recon {

/// Bounds of a number, both inclusive unless `open_min` says otherwise.
struct Limits {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open_min = false;  ///< min itself is refused (e.g. a standard deviation that must be positive)
};

/// One option, as the struct that owns it describes it.
struct Parameter {
  /// Where the value lives; its type says what kind of option it is. An empty optional and an undefined tensor: not
  /// given.
  using Value = std::variant<bool*, std::int64_t*, double*, std::string*, std::optional<std::int64_t>*,
                             std::optional<double>*, std::optional<std::string>*, std::vector<std::int64_t>*,
                             std::vector<double>*, std::vector<std::string>*, at::Tensor*>;

  const char* name;
  const char* doc;
  Value value;
  Limits limits = {};                   ///< of numbers, also of each in a list
  std::vector<std::string> words = {};  ///< all that a text may be; none: any text
};

/// How options are described once and then read, listed and written back.
///
/// Each options struct has one `void visit(ParameterVisitor& v)` that names its fields:
///
///     v.field("steps", steps, "network steps", {.min = 1});
///     v.choice("norm", norm, "which norm the step length refers to");        an enum with its words (words.h)
///
/// The value in the struct is the default. A reader (recon/config) overwrites it from YAML and refuses what is unknown
/// or out of bounds with file:line; a lister collects names, defaults and documentation (`recon list`); a writer
/// stores the resolved values. So an option exists exactly once.
class ParameterVisitor {
 public:
  virtual ~ParameterVisitor() = default;

  template <class Value>
  void field(const char* name, Value& value, const char* doc) {
    visit({name, doc, &value});
  }
  template <class Number>
  void field(const char* name, Number& value, const char* doc, Limits limits) {
    visit({name, doc, &value, limits});
  }
  /// One of a list of words: for sets that are open, as the names of a registry. A closed set is an enum.
  void choice(const char* name, std::string& value, std::vector<std::string> allowed, const char* doc) {
    visit({name, doc, &value, {}, std::move(allowed)});
  }
  template <Worded Enum>
  void choice(const char* name, Enum& value, const char* doc) {
    std::string word = to_string(value);
    choice(name, word, all_words<Enum>(), doc);
    value = from_word<Enum>(word, location());
  }
  /// One more word, `none`, stands for no value: what is chosen then is for the owner of the options to say.
  template <Worded Enum>
  void choice(const char* name, std::optional<Enum>& value, const char* none, const char* doc) {
    std::string word = value ? to_string(*value) : none;
    std::vector<std::string> allowed = all_words<Enum>();
    allowed.insert(allowed.begin(), none);
    choice(name, word, std::move(allowed), doc);
    value = word == none ? std::nullopt : std::optional(from_word<Enum>(word, location()));
  }
  /// An array: a number list given inline, a dataset beside the config in a measurement file, or an image/HDF5 file.
  /// Undefined when not given.
  void array(const char* name, at::Tensor& value, const char* doc) { visit({name, doc, &value}); }

  /// What reads, lists or counts an option. Called for each field, choice and array.
  virtual void visit(const Parameter& parameter) = 0;
  /// Sub-sections, each with its own fields; the lister sees one empty sub-section.
  virtual std::vector<std::shared_ptr<ParameterVisitor>> sections(const char* name, const char* doc) = 0;

  /// Where the section stands, for messages ("configs/run/x.yaml:12 operator").
  virtual std::string location() const = 0;
};

}  // namespace recon
