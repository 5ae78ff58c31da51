#include "recon/commands/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "operators/registry.h"
#include "priors/load_prior.h"
#include "priors/samplers/sampler.h"
#include "recon/solvers/registry.h"

namespace recon {
namespace {

/// CLI11 keeps the words of IsMember only as text: "TEXT:{a,b}".
std::vector<std::string> words_in_braces(const std::string& type) {
  const std::size_t open = type.find('{'), close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

OptionFacts facts_of(const CLI::Option& option) {
  OptionFacts facts{.names = {},
                    .doc = option.get_description(),
                    .default_value = option.get_default_str(),
                    .choices = words_in_braces(option.get_type_name()),
                    .takes_value = option.get_items_expected_max() > 0,
                    .is_argument = option.get_positional(),
                    .required = option.get_required()};
  if (facts.is_argument) facts.names = {option.get_name(true, false)};
  for (const auto& name : option.get_snames()) facts.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) facts.names.push_back("--" + name);
  return facts;
}

template <class Kinds>
std::vector<std::string> names_of(const Kinds& kinds) {
  std::vector<std::string> names;
  for (const auto& kind : kinds) names.push_back(kind.name);
  return names;
}

}  // namespace

const std::string& OptionFacts::longest_name() const {
  return *std::max_element(names.begin(), names.end(),
                           [](const auto& a, const auto& b) { return a.size() < b.size(); });
}

ProgramFacts program_facts(const CLI::App& program) {
  ProgramFacts facts{.description = program.get_description(), .notes = program.get_footer(), .verbs = {}};
  const auto any = [](const CLI::App*) { return true; };
  for (const CLI::App* verb : program.get_subcommands(any)) {
    VerbFacts found{
        .name = verb->get_name(), .summary = verb->get_description(), .notes = verb->get_footer(), .options = {}};
    for (const CLI::Option* option : verb->get_options()) found.options.push_back(facts_of(*option));
    facts.verbs.push_back(std::move(found));
  }
  return facts;
}

std::vector<NamedValues> registered_names() {
  return {{"solver.type", names_of(solver_kinds())},
          {"operator.type", names_of(operator_kinds())},
          {"sampler.type", names_of(sampler_kinds())},
          {"prior", embedded_priors()}};
}

}  // namespace recon
