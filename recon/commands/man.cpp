// recon man, recon completion: manual pages and completion scripts, from the tables that parse the command line.
#include <CLI/CLI.hpp>
#include <filesystem>

#include "data/atomic_file.h"
#include "recon/commands/completion_scripts.h"
#include "recon/commands/man_pages.h"
#include "recon/commands/verb.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// What `recon list TOPIC` prints, for every topic but the priors: where these are is not the same everywhere.
std::map<std::string, std::string> listings(const ProgramFacts& program) {
  std::map<std::string, std::string> texts;
  for (const auto& verb : program.verbs) {
    if (verb.name != "list") continue;
    for (const auto& option : verb.options) {
      if (option.names.front() != "what") continue;
      for (const auto& topic : option.choices) {
        if (topic == "priors") continue;
        CLI::App scratch;
        const auto list = make_list_verb();
        list->describe(scratch);
        scratch.parse(topic);
        texts[topic] = list->execute({}).text;
      }
    }
  }
  return texts;
}

class ManVerb final : public Verb {
 public:
  const char* name() const override { return "man"; }
  const char* summary() const override { return "Print the manual page of the program or of a verb"; }
  const char* examples() const override {
    return "Examples:\n"
           "  recon man | man -l -               the program's page\n"
           "  recon man run | man -l -           a verb's\n"
           "  recon man --output folder          all pages and completion scripts as files, as an installation has "
           "them\n";
  }

  void describe(CLI::App& app) override {
    app.add_option("VERB", verb_, "A verb, or a topic of `recon list`");
    app.add_option("--output", folder_, "Write man1/, man7/, recon.bash, _recon and recon.fish into this folder");
    app_ = &app;
  }

  VerbResult execute(const GlobalOptions&) override {
    const ProgramFacts program = program_facts(*app_->get_parent());
    const auto pages = man_pages(program, listings(program));
    if (!folder_.empty()) return written(program, pages);
    const std::string name = verb_.empty() ? "recon" : "recon-" + verb_;
    for (const char* section : {".1", ".7"}) {
      if (const auto page = pages.find(name + section); page != pages.end()) {
        return {.exit_code = exit_ok, .json = {{"page", page->first}, {"text", page->second}}, .text = page->second};
      }
    }
    throw usage_error("command line", "there is no manual page of '{}'; `recon --help` lists the verbs", verb_);
  }

 private:
  VerbResult written(const ProgramFacts& program, const std::map<std::string, std::string>& pages) const {
    const std::filesystem::path folder = folder_;
    std::map<std::filesystem::path, std::string> files;
    for (const auto& [name, text] : pages) files[folder / ("man" + name.substr(name.rfind('.') + 1)) / name] = text;
    files[folder / "recon.bash"] = bash_completion(program, registered_names());
    files[folder / "_recon"] = zsh_completion(program, registered_names());
    files[folder / "recon.fish"] = fish_completion(program, registered_names());
    VerbResult result;
    result.json["files"] = nlohmann::ordered_json::array();
    for (const auto& [path, text] : files) {
      std::error_code failure;
      std::filesystem::create_directories(path.parent_path(), failure);
      write_file_atomically(path.string(), text);
      result.json["files"].push_back(path.string());
      result.text += path.string() + "\n";
    }
    return result;
  }

  CLI::App* app_ = nullptr;
  std::string verb_, folder_;
};

class CompletionVerb final : public Verb {
 public:
  const char* name() const override { return "completion"; }
  const char* summary() const override { return "Print the completion script for a shell"; }
  const char* examples() const override {
    return "Examples:\n"
           "  source <(recon completion bash)                          in this shell\n"
           "  recon completion fish > ~/.config/fish/completions/recon.fish\n"
           "  recon completion zsh > \"${fpath[1]}/_recon\"\n";
  }

  void describe(CLI::App& app) override {
    app.add_option("SHELL", shell_, "Which shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
    app_ = &app;
  }

  VerbResult execute(const GlobalOptions&) override {
    const ProgramFacts program = program_facts(*app_->get_parent());
    const auto make = shell_ == "bash" ? bash_completion : shell_ == "zsh" ? zsh_completion : fish_completion;
    VerbResult result;
    result.text = make(program, registered_names());
    result.json = {{"shell", shell_}, {"script", result.text}};
    return result;
  }

 private:
  CLI::App* app_ = nullptr;
  std::string shell_;
};

}  // namespace

std::unique_ptr<Verb> make_man_verb() { return std::make_unique<ManVerb>(); }
std::unique_ptr<Verb> make_completion_verb() { return std::make_unique<CompletionVerb>(); }

}  // namespace recon
