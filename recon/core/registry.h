#pragma once

#include <algorithm>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "recon/core/error.h"
#include "recon/core/nearest.h"

namespace recon {

/// In which order a registry lists its kinds.
enum class ListOrder { by_name, as_added };

/// The kinds of one sort of thing (operators, solvers, ...) by their names, which are what configs say. `Kind` has a
/// member `name`.
///
/// Kinds may be added while the program starts, by a plug-in for instance, before anything is looked up on another
/// thread: there is no lock. A kind that was found stays where it is.
template <class Kind>
class Registry {
 public:
  /// `noun` stands in messages: "unknown solver 'dpss'".
  Registry(std::string noun, std::vector<Kind> kinds, ListOrder order = ListOrder::by_name)
      : noun_(std::move(noun)), order_(order) {
    for (Kind& kind : kinds) add(std::move(kind));
  }

  /// Throws Error(usage) for a name that is empty or taken.
  void add(Kind kind) {
    const auto named = [&](const Kind& other) { return other.name == kind.name; };
    if (kind.name.empty()) throw usage_error(noun_, "a kind without a name cannot be added");
    if (std::any_of(kinds_.begin(), kinds_.end(), named)) {
      throw usage_error(noun_, "there is a '{}' already; give the new one another name", kind.name);
    }
    const auto after = [&](const Kind& other) { return order_ == ListOrder::by_name && kind.name < other.name; };
    const auto place = std::find_if(kinds_.begin(), kinds_.end(), after);
    kinds_.insert(place, std::move(kind));
  }

  /// Throws Error(usage) at `location` naming the nearest known one, or all.
  const Kind& find(const std::string& name, const std::string& location) const {
    for (const Kind& kind : kinds_) {
      if (kind.name == name) return kind;
    }
    throw usage_error(location, "unknown {} '{}'{}", noun_, name, suggestion(name, names()));
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const Kind& kind : kinds_) all.push_back(kind.name);
    return all;
  }

  auto begin() const { return kinds_.begin(); }
  auto end() const { return kinds_.end(); }
  std::size_t size() const { return kinds_.size(); }

 private:
  std::string noun_;
  ListOrder order_;
  std::list<Kind> kinds_;
};

}  // namespace recon
