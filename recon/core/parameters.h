#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "recon/core/words.h"

namespace recon {

/// Bounds of a number, both inclusive unless `open_min` says otherwise.
struct Limits {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open_min = false;  ///< min itself is refused (e.g. a standard deviation that must be positive)
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

  virtual void field(const char* name, bool& value, const char* doc) = 0;
  virtual void field(const char* name, std::int64_t& value, const char* doc, Limits limits = {}) = 0;
  virtual void field(const char* name, double& value, const char* doc, Limits limits = {}) = 0;
  virtual void field(const char* name, std::string& value, const char* doc) = 0;
  virtual void field(const char* name, std::optional<double>& value, const char* doc, Limits limits = {}) = 0;
  virtual void field(const char* name, std::optional<std::string>& value, const char* doc) = 0;
  virtual void field(const char* name, std::vector<double>& value, const char* doc) = 0;
  virtual void field(const char* name, std::vector<std::string>& value, const char* doc) = 0;
  /// One of a list of words: for sets that are open, as the names of a registry. A closed set is an enum.
  virtual void choice(const char* name, std::string& value, const std::vector<std::string>& allowed,
                      const char* doc) = 0;
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
    choice(name, word, allowed, doc);
    value = word == none ? std::nullopt : std::optional(from_word<Enum>(word, location()));
  }
  /// An array: a number list given inline, a dataset beside the config in a measurement file, or an image/HDF5 file.
  /// Undefined when not given.
  virtual void array(const char* name, at::Tensor& value, const char* doc) = 0;
  /// Sub-sections, each with its own fields; the lister sees one empty sub-section.
  virtual std::vector<std::shared_ptr<ParameterVisitor>> sections(const char* name, const char* doc) = 0;

  /// Where the section stands, for messages ("configs/run/x.yaml:12 operator").
  virtual std::string location() const = 0;
};

}  // namespace recon
