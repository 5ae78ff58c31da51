#include "recon/commands/man_pages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "recon/config/version.h"

namespace recon {
namespace {

/// Text for troff: backslashes, dashes and quotes are themselves; a line does not begin with a macro.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else {
      out += c;
    }
  }
  return out;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string head(const std::string& name, int section, const std::string& summary) {
  return fmt::format(".\\\" Made by `recon man`.\n.TH {} {} \"\" \"recon {}\" \"recon manual\"\n.SH NAME\n{} \\- {}\n",
                     upper(escaped(name)), section, program_version, escaped(name), escaped(summary));
}

std::string preformatted(const std::string& text) { return ".PP\n.nf\n" + escaped(text) + "\n.fi\n"; }

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of('\n'), last = text.find_last_not_of(" \n");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

/// The end of --help in sections: what comes before "Examples:", the examples, "Exit codes: ...".
std::string notes(const std::string& text) {
  const std::size_t codes = std::min(text.find("Exit codes:"), text.size());
  const std::size_t examples = std::min(text.find("Examples:"), codes);
  std::string page;
  if (const std::string before = trimmed(text.substr(0, examples)); !before.empty()) {
    page += ".SH NOTES\n" + preformatted(before);
  }
  if (examples < codes) {
    const std::size_t start = text.find('\n', examples);
    page += ".SH EXAMPLES\n" + preformatted(trimmed(text.substr(start, codes - start)));
  }
  if (codes < text.size()) page += ".SH EXIT STATUS\n" + preformatted(trimmed(text.substr(codes)));
  return page;
}

std::string option_entry(const OptionFacts& option) {
  std::string names;
  for (const auto& name : option.names) names += (names.empty() ? "" : ", ") + ("\\fB" + escaped(name) + "\\fR");
  if (option.takes_value && !option.is_argument) names += " \\fIVALUE\\fR";
  std::string text = fmt::format(".TP\n{}\n{}\n", names, escaped(option.doc.empty() ? "(no text)" : option.doc));
  if (!option.choices.empty()) text += ".br\n" + escaped(fmt::format("One of {}.\n", fmt::join(option.choices, ", ")));
  if (option.takes_value && !option.default_value.empty()) {
    text += ".br\n" + escaped(fmt::format("Default: {}.\n", option.default_value));
  }
  return text;
}

constexpr const char* environment =
    ".SH ENVIRONMENT\n"
    ".TP\n\\fBRECON_DATA\\fR\nFolders, separated by colons, in which recon looks for its own files (priors, samples, "
    "configs) before share/recon beside the program.\n"
    ".TP\n\\fBRECON_PRIORS\\fR\nFolders, separated by colons, in which priors are looked up by name first.\n"
    ".TP\n\\fBOMP_NUM_THREADS\\fR\nNumber of CPU threads where \\fB\\-\\-threads\\fR is not given.\n";

std::string verb_page(const VerbFacts& verb) {
  const std::string name = "recon-" + verb.name;
  std::string arguments;
  for (const auto& option : verb.options) {
    if (!option.is_argument) continue;
    const std::string word = "\\fI" + escaped(option.names.front()) + "\\fR";
    arguments += option.required ? " " + word : " [" + word + "]";
  }
  std::string page = head(name, 1, verb.summary) + ".SH SYNOPSIS\n\\fBrecon " + escaped(verb.name) +
                     "\\fR [\\fIOPTIONS\\fR]" + arguments + "\n.SH OPTIONS\n";
  for (const auto& option : verb.options) page += option_entry(option);
  return page + notes(verb.notes) + environment + ".SH SEE ALSO\n\\fBrecon\\fR(1)\n";
}

std::string program_page(const ProgramFacts& program, const std::map<std::string, std::string>& listings) {
  std::string page = head("recon", 1, program.description.substr(program.description.find(": ") + 2)) +
                     ".SH SYNOPSIS\n\\fBrecon\\fR \\fIVERB\\fR [\\fIOPTIONS\\fR] ...\n.SH VERBS\n";
  std::string also;
  for (const auto& verb : program.verbs) {
    page += fmt::format(".TP\n\\fB{}\\fR\n{}\n", escaped(verb.name), escaped(verb.summary));
    also += fmt::format("\\fBrecon\\-{}\\fR(1),\n", escaped(verb.name));
  }
  for (const auto& [topic, text] : listings) also += fmt::format("\\fBrecon\\-{}\\fR(7),\n", escaped(topic));
  also.erase(also.find_last_of(','));
  return page + notes(program.notes) + environment + ".SH SEE ALSO\n" + also + "\n";
}

}  // namespace

std::map<std::string, std::string> man_pages(const ProgramFacts& program,
                                             const std::map<std::string, std::string>& listings) {
  std::map<std::string, std::string> pages;
  pages["recon.1"] = program_page(program, listings);
  for (const auto& verb : program.verbs) pages["recon-" + verb.name + ".1"] = verb_page(verb);
  for (const auto& [topic, text] : listings) {
    pages["recon-" + topic + ".7"] = head("recon-" + topic, 7,
                                          topic == "config" ? "the keys of recon's configs with their defaults"
                                                            : "the " + topic + " of recon with their options") +
                                     ".SH DESCRIPTION\n" + preformatted(trimmed(text)) +
                                     ".SH SEE ALSO\n\\fBrecon\\fR(1), \\fBrecon\\-list\\fR(1)\n";
  }
  return pages;
}

}  // namespace recon
