#pragma once

#include <map>
#include <string>
#include <vector>

#include "recon/config/config.h"

namespace CLI {
class App;
}

namespace recon {

/// Options of the command line for keys that people reach for first: `--solver tv_pdhg` for `--set solver=tv_pdhg`.
class ConfigShortcuts {
 public:
  /// Offers those of `keys`: output, preview, operator, noise_std, solver, steps, prior, precision, samples, items,
  /// from_measurements.
  ///
  /// `path` says where a key stands in the config of this verb when not under its own name: {"output", "output.path"}.
  void add_to(CLI::App& app, const std::vector<std::string>& keys, const std::map<std::string, std::string>& path = {});

  /// Puts what was given into the config: first whole sections (operator, solver), then each of the `assignments` of
  /// --set, then single keys, so that `--steps 50` reaches a section that --set has put there. Throws Error(usage) with
  /// the option as location.
  void apply(Config& config, const std::vector<std::string>& assignments) const;
  bool given(const std::string& key) const { return values_.contains(key) && !values_.at(key).empty(); }

 private:
  enum class Scope { section, key };
  void apply(Config& config, Scope scope) const;

  std::map<std::string, std::string> values_;  ///< by key; empty: not given
  std::map<std::string, std::string> paths_;
};

}  // namespace recon
