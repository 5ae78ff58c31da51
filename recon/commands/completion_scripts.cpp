#include "recon/commands/completion_scripts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace recon {
namespace {

/// Values that no table of the command line lists.
std::vector<std::string> choices_of(const OptionFacts& option) {
  if (option.longest_name() == "--device") return {"auto", "cpu", "cuda", "cuda:0"};
  return option.choices;
}

std::vector<std::string> option_names(const VerbFacts& verb) {
  std::vector<std::string> names;
  for (const auto& option : verb.options) {
    if (!option.is_argument) names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

/// In single quotes of a shell; `more` are further characters to be escaped by a backslash.
std::string shell_quoted(const std::string& text, const std::string& more = "") {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (more.find(c) != std::string::npos) out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "'";
}

/// In single quotes of fish, where only the quote and the backslash are special.
std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "'";
}

std::vector<std::string> set_words(const std::vector<NamedValues>& values) {
  std::vector<std::string> words;
  for (const auto& [key, names] : values) {
    for (const auto& name : names) words.push_back(key + "=" + name);
  }
  return words;
}

/// `place`: which argument it is, "1", or "*" where there is no other.
std::string zsh_option(const OptionFacts& option, const std::vector<NamedValues>& values, const std::string& place) {
  const std::vector<std::string> choices = choices_of(option);
  const std::string value = option.longest_name() == "--set" ? fmt::format("({})", fmt::join(set_words(values), " "))
                            : choices.empty()                ? "_files"
                                                             : fmt::format("({})", fmt::join(choices, " "));
  if (option.is_argument) {
    return "      " + shell_quoted(fmt::format("{}:{}:{}", place, option.names.front(), value)) + " \\\n";
  }
  const bool repeatable = option.longest_name() == "--set" || option.longest_name() == "--plugin";
  std::string lines;
  for (const auto& name : option.names) {
    std::string spec = (repeatable ? "*" : "") + name + "[" + option.doc + "]";
    if (option.takes_value) spec += ":value:" + value;
    // A bracket or colon of the text would end it.
    std::string text;
    for (const char c : option.doc)
      text += (c == '[' || c == ']' || c == ':') ? std::string("\\") + c : std::string(1, c);
    spec.replace(spec.find(option.doc), option.doc.size(), text);
    lines += "      " + shell_quoted(spec) + " \\\n";
  }
  return lines;
}

}  // namespace

std::string bash_completion(const ProgramFacts& program, const std::vector<NamedValues>& values) {
  std::string verbs, cases, of_keys, keys;
  std::map<std::string, std::vector<std::string>> of_options;
  std::map<std::string, std::vector<std::string>> arguments;
  for (const auto& verb : program.verbs) {
    verbs += (verbs.empty() ? "" : " ") + verb.name;
    for (const auto& option : verb.options) {
      if (option.is_argument) {
        auto& words = arguments[verb.name];
        words.insert(words.end(), option.choices.begin(), option.choices.end());
      }
      const auto choices = choices_of(option);
      if (!option.is_argument && !choices.empty()) of_options[option.longest_name()] = choices;
    }
    cases += fmt::format("    {}) options={} words={} ;;\n", verb.name,
                         shell_quoted(fmt::format("{}", fmt::join(option_names(verb), " "))),
                         shell_quoted(fmt::format("{}", fmt::join(arguments[verb.name], " "))));
  }
  for (const auto& [key, names] : values) {
    keys += " " + key + "=";
    of_keys += fmt::format("      {}) names={} ;;\n", key, shell_quoted(fmt::format("{}", fmt::join(names, " "))));
  }
  std::string of_values;
  for (const auto& [option, choices] : of_options) {
    of_values += fmt::format("    {}) COMPREPLY=($(compgen -W {} -- \"$cur\")); return ;;\n", option,
                             shell_quoted(fmt::format("{}", fmt::join(choices, " "))));
  }
  return fmt::format(R"(# bash completion for recon. Made by `recon completion bash`.
_recon() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} key= options= words= names=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{verbs} --help --version' -- "$cur"))
    return
  fi
  # The shell takes KEY=VALUE for three words.
  if [ "$cur" = "=" ]; then key=$prev cur=; elif [ "$prev" = "=" ]; then key=${{COMP_WORDS[COMP_CWORD-2]}}; fi
  if [ -n "$key" ]; then
    case $key in
{of_keys}    esac
    COMPREPLY=($(compgen -W "$names" -- "$cur"))
    return
  fi
  case $prev in
    --set) compopt -o nospace; COMPREPLY=($(compgen -W '{keys}' -- "$cur")); return ;;
{of_values}  esac
  case ${{COMP_WORDS[1]}} in
{cases}  esac
  case $cur in
    -*) COMPREPLY=($(compgen -W "$options" -- "$cur")) ;;
    *) if [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$cur")); else compopt -o default; fi ;;
  esac
}}
complete -F _recon recon
)",
                     fmt::arg("verbs", verbs), fmt::arg("of_keys", of_keys), fmt::arg("keys", keys),
                     fmt::arg("of_values", of_values), fmt::arg("cases", cases));
}

std::string zsh_completion(const ProgramFacts& program, const std::vector<NamedValues>& values) {
  std::string verbs, cases;
  for (const auto& verb : program.verbs) {
    verbs += "    " + shell_quoted(verb.name + ":" + verb.summary) + "\n";
    cases += fmt::format("    {})\n      _arguments -s \\\n", verb.name);
    const bool several = std::count_if(verb.options.begin(), verb.options.end(),
                                       [](const OptionFacts& option) { return option.is_argument; }) > 1;
    int arguments = 0;
    for (const auto& option : verb.options) {
      arguments += option.is_argument ? 1 : 0;
      cases += zsh_option(option, values, several ? std::to_string(arguments) : "*");
    }
    cases += "      && return ;;\n";
  }
  return fmt::format(R"(#compdef recon
# zsh completion for recon. Made by `recon completion zsh`.
_recon() {{
  local -a verbs
  verbs=(
{verbs}  )
  if (( CURRENT == 2 )); then
    _describe 'verb' verbs
    return
  fi
  local verb=$words[2]
  shift words
  (( CURRENT-- ))
  case $verb in
{cases}  esac
}}
_recon "$@"
)",
                     fmt::arg("verbs", verbs), fmt::arg("cases", cases));
}

std::string fish_completion(const ProgramFacts& program, const std::vector<NamedValues>& values) {
  std::string text = "# fish completion for recon. Made by `recon completion fish`.\n";
  for (const auto& verb : program.verbs) {
    text += fmt::format("complete -c recon -n __fish_use_subcommand -x -a {} -d {}\n", verb.name,
                        fish_quoted(verb.summary));
    const std::string here = fmt::format("complete -c recon -n '__fish_seen_subcommand_from {}'", verb.name);
    for (const auto& option : verb.options) {
      const auto choices = option.longest_name() == "--set" ? set_words(values) : choices_of(option);
      const std::string words = fish_quoted(fmt::format("{}", fmt::join(choices, " ")));
      if (option.is_argument) {
        if (!choices.empty()) text += fmt::format("{} -x -a {} -d {}\n", here, words, fish_quoted(option.doc));
        continue;
      }
      text += here;
      for (const auto& name : option.names)
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (option.takes_value) text += choices.empty() ? " -r" : " -x -a " + words;
      text += " -d " + fish_quoted(option.doc) + "\n";
    }
  }
  return text;
}

}  // namespace recon
