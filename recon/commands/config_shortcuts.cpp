#include "recon/commands/config_shortcuts.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "recon/core/error.h"

namespace recon {
namespace {

/// How the words on the command line become YAML.
enum class Form { yaml, text, list };

struct Shortcut {
  const char* key;
  const char* path;  ///< in the config
  const char* option;
  Form form;
  const char* doc;
  bool whole_section = false;
};

/// In the order in which they are applied.
constexpr Shortcut shortcuts[] = {
    {"operator", "input.operator", "--operator", Form::yaml,
     "How a picture or foreign data were measured, e.g. '{type: blur, std_px: 2}'", true},
    {"noise_std", "noise_std", "--noise-std", Form::yaml, "Noise level per real component, in units of the file"},
    {"solver", "solver", "--solver", Form::yaml, "Method, e.g. tv_pdhg, or with options '{type: dps, steps: 100}'",
     true},
    {"steps", "solver.steps", "--steps", Form::yaml, "Steps of the solver"},
    {"prior", "prior", "--prior", Form::text, "Embedded prior, or a folder with a '/'"},
    {"precision", "precision", "--precision", Form::yaml, "Of the network: auto, float32, tf32, bfloat16 or float16"},
    {"samples", "samples", "--samples", Form::yaml, "Samples: more than one give mean and standard deviation"},
    {"items", "items", "--items", Form::list, "Ids or positions from 0 on: 3,7 or 0-9"},
    {"output", "output", "-o,--output", Form::text, "Where the result goes"},
    {"from_measurements", "from_measurements.input", "--from-measurements", Form::text,
     "Measurement file to learn from, in place of `images`: a prior without a clean image"},
    {"preview", "preview", "--preview", Form::text, "PNG panel of the results"},
};

std::string as_yaml(Form form, const std::string& value) {
  switch (form) {
    case Form::yaml:
      return value;
    case Form::list:
      return nlohmann::json(CLI::detail::split(value, ',')).dump();
    case Form::text:
      break;
  }
  return nlohmann::json(value).dump();
}

std::string long_name(const Shortcut& shortcut) {
  const std::string all = shortcut.option;
  return all.substr(all.find("--"));
}

}  // namespace

void ConfigShortcuts::add_to(CLI::App& app, const std::vector<std::string>& keys,
                             const std::map<std::string, std::string>& path) {
  for (const Shortcut& shortcut : shortcuts) {
    if (std::find(keys.begin(), keys.end(), shortcut.key) == keys.end()) continue;
    const auto other = path.find(shortcut.key);
    paths_[shortcut.key] = other == path.end() ? shortcut.path : other->second;
    app.add_option(shortcut.option, values_[shortcut.key], shortcut.doc);
  }
}

void ConfigShortcuts::apply(Config& config, const std::vector<std::string>& assignments) const {
  apply(config, Scope::section);
  for (const auto& assignment : assignments) config.set(assignment);
  apply(config, Scope::key);
}

void ConfigShortcuts::apply(Config& config, Scope scope) const {
  for (const Shortcut& shortcut : shortcuts) {
    if (!given(shortcut.key) || shortcut.whole_section != (scope == Scope::section)) continue;
    config.set(paths_.at(shortcut.key), as_yaml(shortcut.form, values_.at(shortcut.key)), long_name(shortcut));
  }
}

}  // namespace recon
