#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace recon {

/// One option or argument of a verb, as manual pages and completion need it.
struct OptionFacts {
  std::vector<std::string> names;  ///< "-q", "--quiet"; of an argument without a dash its name, "CONFIG"
  std::string doc;
  std::string default_value;         ///< empty: none, or not shown
  std::vector<std::string> choices;  ///< the closed list of its values, if it has one
  bool takes_value = false;
  bool is_argument = false;
  bool required = false;

  const std::string& longest_name() const;
};

struct VerbFacts {
  std::string name, summary, notes;  ///< notes: what follows the options in --help
  std::vector<OptionFacts> options;  ///< in the order of --help, the ones that all verbs share included
};

struct ProgramFacts {
  std::string description, notes;
  std::vector<VerbFacts> verbs;
};

/// Read from the tables that --help prints and that parse the command line.
ProgramFacts program_facts(const CLI::App& program);

/// Names that registries know, for values of options: key of a config -> names ("solver.type" -> dps, ...).
struct NamedValues {
  std::string key;
  std::vector<std::string> names;
};
std::vector<NamedValues> registered_names();

}  // namespace recon
