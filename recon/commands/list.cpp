// recon list: what exists, with parameters and defaults. Everything is asked of the registries, nothing listed twice.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>

#include "operators/registry.h"
#include "priors/load_prior.h"
#include "priors/samplers/sampler.h"
#include "priors/schedule_options.h"
#include "recon/commands/config_keys.h"
#include "recon/commands/verb.h"
#include "recon/config/option_lister.h"
#include "recon/config/yaml_options.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/input_format.h"
#include "recon/solvers/registry.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

ordered_json operators() {
  ordered_json list = ordered_json::array();
  for (const auto& kind : operator_kinds()) {
    OptionLister lister;
    kind.visit(lister);
    list.push_back({{"name", kind.name}, {"summary", kind.summary}, {"parameters", lister.options()}});
  }
  return list;
}

ordered_json solvers() {
  ordered_json list = ordered_json::array();
  for (const auto& kind : solver_kinds()) {
    OptionLister lister;
    const auto solver = kind.make();
    solver->visit(lister);
    list.push_back({{"name", kind.name},
                    {"summary", kind.summary},
                    {"needs_prior", kind.traits.needs_prior},
                    {"samples_posterior", kind.traits.samples},
                    {"claims", to_string(kind.traits.claim)},
                    {"linear_only", kind.traits.linear_only},
                    {"parameters", lister.options()}});
  }
  return list;
}

ordered_json priors() {
  ordered_json list = ordered_json::array();
  for (const auto& name : embedded_priors()) {
    list.push_back({{"name", name}, {"summary", find_prior(name)}, {"parameters", ordered_json::array()}});
  }
  return list;
}

ordered_json samplers() {
  ordered_json list = ordered_json::array();
  for (const auto& kind : sampler_kinds()) {
    OptionLister lister;
    const auto sampler = kind.make();
    sampler->visit(lister);
    list.push_back({{"name", kind.name},
                    {"summary", kind.summary},
                    {"network_passes", sampler->nfe_formula()},
                    {"parameters", lister.options()}});
  }
  return list;
}

/// The times and noise levels of a process with its default parameters; nothing for one that has no defaults.
std::optional<NoiseSchedule> by_default(const ScheduleFamily& family) {
  try {
    YamlOptions nothing_given(std::make_shared<YamlNode>(), "");
    return family.make(nothing_given);
  } catch (const Error&) {
    return std::nullopt;
  }
}

ordered_json schedules() {
  ordered_json list = ordered_json::array();
  for (const auto& family : schedule_families()) {
    OptionLister lister;
    family.visit(lister);
    ordered_json entry = {{"name", family.name}, {"summary", family.summary}};
    if (const auto schedule = by_default(family)) {
      entry["time"] = {schedule->min_time(), schedule->max_time()};
      entry["relative_sigma"] = {schedule->min_relative_sigma(), schedule->max_relative_sigma()};
    }
    entry["parameters"] = lister.options();
    list.push_back(entry);
  }
  return list;
}

ordered_json spacings() {
  ordered_json list = ordered_json::array();
  for (const auto& kind : spacing_kinds()) {
    OptionLister lister;
    std::int64_t steps_offset = 0;
    if (kind.value == Spacing::leading) {
      lister.field("steps_offset", steps_offset, "timesteps that all steps are moved up, as in diffusers", {.min = 0});
    }
    list.push_back({{"name", to_string(kind.value)}, {"summary", kind.summary}, {"parameters", lister.options()}});
  }
  return list;
}

/// Those that a config's `input` names.
ordered_json formats() {
  ordered_json list = ordered_json::array();
  for (const auto& format : input_formats()) {
    OptionLister lister;
    format.visit(lister);
    list.push_back({{"name", format.name},
                    {"summary", format.summary},
                    {"recognised", static_cast<bool>(format.recognises)},
                    {"parameters", lister.options()}});
  }
  return list;
}

struct Topic {
  const char* name;
  std::function<ordered_json()> list;
  const char* automatic = nullptr;  ///< what the word `auto` takes, where configs know it
};

const std::vector<Topic>& topics() {
  static const std::vector<Topic> all = {
      {"operators", operators},
      {"solvers", solvers,
       "the default: chosen by operator, samples and axes of the image; the log says which and why"},
      {"priors", priors, "the default: natural_rgb for colour pictures up to 512 x 512, else natural_gray"},
      {"samplers", samplers},
      {"schedules", schedules},
      {"spacings", spacings},
      {"formats", formats}};
  return all;
}

class ListVerb final : public Verb {
 public:
  const char* name() const override { return "list"; }
  const char* summary() const override {
    return "Show the operators, solvers, priors, samplers, schedules, spacings and input formats there are";
  }
  const char* examples() const override {
    return R"(Examples:
  recon list                   everything, one line each
  recon list solvers           solvers with their parameters, defaults and limits
  recon list operators --json  the same for programs
  recon list config run        the keys of run's config (batch, compare, simulate, sample, train, import)
)";
  }

  void describe(CLI::App& app) override {
    std::vector<std::string> names;
    for (const auto& topic : topics()) names.emplace_back(topic.name);
    names.emplace_back("config");
    app.add_option("what", topic_, "One of them in detail; config: the keys of a verb's config")
        ->check(CLI::IsMember(names));
    app.add_option("verb", verb_, "config: of which verb")->check(CLI::IsMember(verbs_with_config()));
  }

  VerbResult execute(const GlobalOptions&) override {
    VerbResult result;
    if (topic_ == "config") return of_config();
    if (!verb_.empty()) throw usage_error("list", "only config takes a verb, got '{}' behind '{}'", verb_, topic_);
    for (const auto& topic : topics()) {
      if (!topic_.empty() && topic_ != topic.name) continue;
      const ordered_json list = topic.list();
      result.json[topic.name] = list;
      result.text += std::string(topic.name) + "\n";
      if (topic.automatic != nullptr) result.text += fmt::format("  {:<20} {}\n", "auto", topic.automatic);
      for (const auto& entry : list) {
        result.text +=
            fmt::format("  {:<20} {}\n", entry["name"].get<std::string>(), entry["summary"].get<std::string>());
        if (!topic_.empty() && entry.contains("time")) {
          result.text +=
              fmt::format("      time {:g} to {:g}, relative sigma {:.4g} to {:.4g}\n", entry["time"][0].get<double>(),
                          entry["time"][1].get<double>(), entry["relative_sigma"][0].get<double>(),
                          entry["relative_sigma"][1].get<double>());
        }
        if (!topic_.empty() && entry.contains("claims")) {
          result.text += fmt::format("      claims: {}{}{}\n", entry["claims"].get<std::string>(),
                                     entry["needs_prior"].get<bool>() ? "; needs a prior" : "",
                                     entry["linear_only"].get<bool>() ? "; linear operators only" : "");
        }
        if (!topic_.empty() && entry.contains("recognised")) {
          result.text += fmt::format(
              "      {}\n", entry["recognised"].get<bool>() ? "recognised by itself" : "to be named: `format: ...`");
        }
        if (!topic_.empty() && entry.contains("network_passes")) {
          result.text += fmt::format("      network passes: {}\n", entry["network_passes"].get<std::string>());
        }
        if (!topic_.empty()) result.text += options_as_text(entry["parameters"], 6);
      }
    }
    if (topic_.empty())
      result.text += "\nWith their parameters: recon list operators | solvers | samplers | schedules | formats\n";
    return result;
  }

 private:
  /// Of one verb, or of all.
  VerbResult of_config() const {
    VerbResult result;
    for (const auto& verb : verbs_with_config()) {
      if (!verb_.empty() && verb != verb_) continue;
      result.json[verb] = config_keys(verb);
      if (verb_.empty()) result.text += verb + "\n";
      result.text += config_keys_text(verb);
    }
    return result;
  }

  std::string topic_, verb_;
};

}  // namespace

std::unique_ptr<Verb> make_list_verb() { return std::make_unique<ListVerb>(); }

}  // namespace recon
