#include "recon/commands/program.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

#include "recon/commands/config_keys.h"
#include "recon/commands/verb.h"
#include "recon/config/version.h"
#include "recon/core/deterministic.h"
#include "recon/core/error.h"
#include "recon/core/log.h"
#include "recon/core/nearest.h"
#include "recon/core/out_of_memory.h"
#include "recon/core/plugin_loader.h"
#include "recon/core/profile.h"

namespace recon {
namespace {

constexpr const char* exit_code_text =
    "Exit codes: 0 ok; 1 some items failed or contradict their data (--allow-misfit), a check did not pass or the run\n"
    "was interrupted (what is done is saved);\n"
    "2 command line or config; 3 bad data; 4 internal. Faults are one line on stderr: recon: error: PLACE: MESSAGE.\n"
    "With --json stdout carries one JSON object and nothing else, after a fault {\"error\": {...}}.";

constexpr const char* program_examples =
    "Examples:\n"
    "  recon run configs/run/quickstart.yaml           reconstruct the shipped sample\n"
    "  recon run measurement.h5 --set samples=4        a measurement file of yours, all defaults\n"
    "  recon batch configs/batch/demo.yaml             every item of many files, resumable\n"
    "  recon compare configs/compare/quick.yaml        solvers side by side: table and HTML report\n"
    "  recon inspect measurement.h5 --check            what is in a file, and is it sound\n"
    "  recon list solvers                              solvers with their parameters and defaults\n"
    "  recon simulate configs/simulate/photograph_inpainting.yaml    images -> measurement file\n"
    "  recon sample configs/sample/natural_gray.yaml   draw images from the embedded prior\n\n";

void add_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_option("--set", options.set, "KEY=VALUE: override the config, e.g. solver.steps=20 (YAML value; repeatable)")
      ->take_all()
      ->allow_extra_args(false)
      ->group("Common");
  app.add_option("--plugin", options.plugins, "FILE.so: load more kinds of operators, solvers, ... (repeatable)")
      ->take_all()
      ->allow_extra_args(false)
      ->group("Common");
  app.add_option("--device", options.device, "auto | cpu | cuda | cuda:INDEX")->capture_default_str()->group("Common");
  app.add_option("--seed", options.seed, "Seed of all randomness, instead of the config's")->group("Common");
  app.add_option("--threads", options.threads, "CPU threads (0: all cores)")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str()
      ->group("Common");
  app.add_flag("--deterministic", options.deterministic,
               "Same bits each time on the same kind of device (batch: always)")
      ->group("Common");
  app.add_option("--profile", options.profile,
                 "FILE.json: where the time goes, operator by operator, for ui.perfetto.dev")
      ->group("Common");
  app.add_flag("--json", options.json, "Print one JSON object on stdout and nothing else")->group("Common");
  app.add_flag("-v,--verbose", options.verbose, "More messages on stderr")->group("Common");
  app.add_flag("-q,--quiet", options.quiet, "No progress and no warnings on stderr")->group("Common");
}

void set_up_logging(const GlobalOptions& options) {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  const char* plain = std::getenv("NO_COLOR");  // https://no-color.org
  if (plain != nullptr && *plain != '\0') sink->set_color_mode(spdlog::color_mode::never);
  auto logger = std::make_shared<spdlog::logger>("recon", std::move(sink));
  logger->set_pattern("recon: %^%l%$: %v");
  logger->set_level(options.quiet         ? spdlog::level::err
                    : options.verbose > 0 ? spdlog::level::debug
                                          : spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

const char* name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::data:
      return "data";
    case ErrorKind::internal:
      break;
  }
  return "internal";
}

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return exit_usage;
    case ErrorKind::data:
      return exit_bad_data;
    case ErrorKind::internal:
      break;
  }
  return exit_internal;
}

/// One line on stderr, one object on stdout.
int report(const Error& error, bool json) {
  std::string message = error.what();
  for (char& c : message) c = c == '\n' ? ' ' : c;
  std::fprintf(stderr, "recon: error: %s\n", message.c_str());
  const int exit_code = exit_code_of(error.kind());
  if (json) {
    const nlohmann::ordered_json object = {{"error",
                                            {{"kind", name_of(error.kind())},
                                             {"place", error.location()},
                                             {"message", message},
                                             {"exit_code", exit_code}}}};
    std::printf("%s\n", object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  }
  return exit_code;
}

Error memory_error() {
  return {ErrorKind::internal, "memory", "not enough memory for this; use smaller images, fewer samples or --device"};
}

/// Under --json stdout belongs to one object alone: what libraries print there while this lives goes to stderr.
class QuietStdout {
 public:
  explicit QuietStdout(bool active) : saved_(active ? ::dup(STDOUT_FILENO) : -1) {
    if (saved_ >= 0) move_to(STDERR_FILENO);
  }
  ~QuietStdout() {
    if (saved_ < 0) return;
    move_to(saved_);
    ::close(saved_);
  }
  QuietStdout(const QuietStdout&) = delete;
  QuietStdout& operator=(const QuietStdout&) = delete;

 private:
  static void move_to(int descriptor) {
    std::cout.flush();
    std::fflush(stdout);
    ::dup2(descriptor, STDOUT_FILENO);
  }

  int saved_;
};

/// Runs the verb; whatever it throws becomes an Error.
VerbResult execute(Verb& verb, const GlobalOptions& options) {
  try {
    // The events of batch are lines on stdout while it runs.
    const QuietStdout quiet(options.json && std::string(verb.name()) != "batch");
    if (options.threads > 0) at::set_num_threads(options.threads);
    if (options.deterministic || std::string(verb.name()) == "batch") use_deterministic_algorithms();
    for (const auto& plugin : options.plugins) load_plugin(plugin);
    std::optional<Profile> profile;
    if (!options.profile.empty()) profile.emplace(options.profile, options.device);
    VerbResult result = verb.execute(options);
    if (profile) profile->write();
    return result;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    if (is_out_of_memory(error)) throw memory_error();
    const bool from_aten = dynamic_cast<const c10::Error*>(&error) != nullptr;
    throw internal_error(from_aten ? "libtorch" : verb.name(), "{}", first_line_of(error));
  }
}

int print(const VerbResult& result, const GlobalOptions& options) {
  const std::string text =
      options.json
          ? result.json.dump(result.one_line ? -1 : 2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
          : result.text;
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) throw data_error("stdout", "cannot be written: {}", std::strerror(errno));
  return result.exit_code;
}

bool asks_for_json(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) return true;
  }
  return false;
}

/// CLI11 does not say which word it stumbled over.
void refuse_unknown_verb(int argc, const char* const* argv, const std::vector<std::unique_ptr<Verb>>& verbs) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> names;
  for (const auto& verb : verbs) names.emplace_back(verb->name());
  if (std::find(names.begin(), names.end(), argv[1]) != names.end()) return;
  throw usage_error("command line", "there is no verb '{}'{}", argv[1], suggestion(argv[1], names));
}

/// Names the word that CLI11 does not know, what it may have meant, and whose help to read.
Error command_line_error(int argc, const char* const* argv, const CLI::App& app, const std::string& message) {
  const auto verbs = app.get_subcommands([&](const CLI::App* sub) { return argc > 1 && sub->get_name() == argv[1]; });
  if (verbs.empty()) return usage_error("command line", "{}; see `recon --help`", message);
  const CLI::App* verb = verbs.front();
  std::vector<std::string> known;
  for (const CLI::Option* option : verb->get_options()) {
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (int i = 2; i < argc; ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
    if (!word.starts_with("--") || std::find(known.begin(), known.end(), word) != known.end()) continue;
    const auto near = nearest(word, known);
    return usage_error("command line", "`recon {0}` has no option {1}{2}; see `recon {0} --help`", verb->get_name(),
                       word, near ? "; did you mean " + *near + "?" : "");
  }
  return usage_error("command line", "{}; see `recon {} --help`", message, verb->get_name());
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  CLI::App app("recon: reconstructs images from measurements with diffusion priors and classical solvers", "recon");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.footer(std::string(program_examples) + exit_code_text);
  GlobalOptions options;
  std::vector<std::unique_ptr<Verb>> verbs;
  verbs.push_back(make_run_verb());
  verbs.push_back(make_batch_verb());
  verbs.push_back(make_compare_verb());
  verbs.push_back(make_calibrate_verb());
  verbs.push_back(make_simulate_verb());
  verbs.push_back(make_import_verb());
  verbs.push_back(make_export_verb());
  verbs.push_back(make_train_verb());
  verbs.push_back(make_sample_verb());
  verbs.push_back(make_inspect_verb());
  verbs.push_back(make_list_verb());
  verbs.push_back(make_completion_verb());
  verbs.push_back(make_man_verb());
  for (const auto& verb : verbs) {
    CLI::App* sub = app.add_subcommand(verb->name(), verb->summary());
    sub->footer("");  // not the program's, which it would inherit
    sub->footer([&verb] {
      const std::string keys = config_keys_text(verb->name());
      return std::string(verb->examples()) + "\n" + keys + (keys.empty() ? "" : "\n") + exit_code_text;
    });
    verb->describe(*sub);
    add_global_options(*sub, options);
  }
  try {
    refuse_unknown_verb(argc, argv, verbs);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return report(command_line_error(argc, argv, app, error.what()), asks_for_json(argc, argv));
  } catch (const Error& error) {
    return report(error, asks_for_json(argc, argv));
  }
  set_up_logging(options);
  try {
    for (const auto& verb : verbs) {
      if (app.got_subcommand(verb->name())) return print(execute(*verb, options), options);
    }
  } catch (const Error& error) {
    return report(error, options.json);
  }
  return exit_usage;
}

}  // namespace recon
