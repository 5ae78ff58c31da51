#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace recon {

/// Exit codes of the program; faults get theirs from Error::kind().
enum ExitCode : int {
  exit_ok = 0,
  exit_some_failed = 1,  ///< items failed, do not explain their data, a check did not pass, or the run was interrupted
  exit_usage = 2,
  exit_bad_data = 3,
  exit_internal = 4
};

/// Options that every verb takes.
struct GlobalOptions {
  std::vector<std::string> set;      ///< KEY=VALUE overrides of the config
  std::vector<std::string> plugins;  ///< shared libraries with more kinds of operators, solvers, ...
  std::string device = "auto";
  std::optional<std::uint64_t> seed;  ///< instead of the config's
  int threads = 0;                    ///< 0: as many as there are cores
  bool deterministic = false;         ///< batch is anyhow
  bool json = false;
  std::string profile;  ///< a file; empty: none
  int verbose = 0;
  bool quiet = false;
};

/// What a verb has to say: `json` with --json, `text` otherwise. Nothing else goes to stdout.
struct VerbResult {
  int exit_code = exit_ok;
  nlohmann::ordered_json json;
  std::string text;
  bool one_line = false;  ///< the JSON ends a stream of events, one per line
};

/// One verb of the program: `recon NAME ...`.
class Verb {
 public:
  virtual ~Verb() = default;
  virtual const char* name() const = 0;
  virtual const char* summary() const = 0;
  virtual const char* examples() const = 0;  ///< end of its --help: examples and conventions
  virtual void describe(CLI::App& app) = 0;  ///< its own options and arguments
  virtual VerbResult execute(const GlobalOptions& options) = 0;
};

/// The option --force of verbs that write files which may be there.
void add_force(CLI::App& app, bool& force);

/// The option --allow-misfit of verbs that reconstruct.
void add_allow_misfit(CLI::App& app, bool& allow);
/// Whether `misfits` results that the data contradict make the exit code 1; says so, and how to allow them.
bool refuse_misfits(std::size_t misfits, bool allowed);

std::unique_ptr<Verb> make_run_verb();
std::unique_ptr<Verb> make_batch_verb();
std::unique_ptr<Verb> make_compare_verb();
std::unique_ptr<Verb> make_calibrate_verb();
std::unique_ptr<Verb> make_simulate_verb();
std::unique_ptr<Verb> make_import_verb();
std::unique_ptr<Verb> make_export_verb();
std::unique_ptr<Verb> make_train_verb();
std::unique_ptr<Verb> make_sample_verb();
std::unique_ptr<Verb> make_inspect_verb();
std::unique_ptr<Verb> make_list_verb();
std::unique_ptr<Verb> make_completion_verb();
std::unique_ptr<Verb> make_man_verb();

}  // namespace recon
