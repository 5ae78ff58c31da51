// Manual pages and completion: every verb and option that the program takes is in them.
#include <set>

#include "tests/commands/program.h"

namespace recon {
namespace {

using nlohmann::json;

class Manual : public ProgramTest {
 protected:
  /// Words of --help that begin with two dashes at the start of a line (after spaces and a short form).
  std::set<std::string> options_in_help(const std::string& verb) const {
    std::set<std::string> found;
    std::istringstream lines(recon(verb + " --help").out);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t text = line.find_first_not_of(' ');
      if (text != 2 || line[text] != '-') continue;
      const std::size_t start = line.find("--");
      if (start > 6) continue;
      found.insert(line.substr(start, line.find_first_of(" ,=", start) - start));
    }
    return found;
  }

  std::vector<std::string> verbs() const {
    std::vector<std::string> found;
    const std::string help = recon("--help").out;
    std::istringstream lines(help.substr(help.find("Subcommands:")));
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line) && line.starts_with("  ")) {
      if (line[2] != ' ') found.push_back(line.substr(2, line.find(' ', 2) - 2));
    }
    return found;
  }
};

/// As troff writes it.
std::string dashes_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '-' ? std::string("\\-") : std::string(1, c);
  return out;
}

TEST_F(Manual, HasAPageForEveryVerbWithEveryOption) {
  ASSERT_GE(verbs().size(), 12U);
  const std::string program = recon("man").out;
  for (const auto& verb : verbs()) {
    EXPECT_TRUE(contains(program, "\\fB" + verb + "\\fR")) << verb;
    const Outputs page = recon("man " + verb);
    ASSERT_EQ(page.exit_code, 0) << page.err;
    EXPECT_TRUE(contains(page.out, ".TH RECON\\-"));
    for (const char* section : {".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS", ".SH EXAMPLES", ".SH EXIT STATUS"}) {
      EXPECT_TRUE(contains(page.out, section)) << verb;
    }
    const auto options = options_in_help(verb);
    EXPECT_GE(options.size(), 8U) << verb;
    for (const auto& option : options)
      EXPECT_TRUE(contains(page.out, "\\fB" + dashes_escaped(option) + "\\fR")) << verb;
  }
  expect_error("man rnu", 2, {"no manual page of 'rnu'"});
}

TEST_F(Manual, HasTheRegistriesKinds) {
  const std::string solvers = recon("man solvers").out;
  const json list = recon("list solvers --json").json();
  ASSERT_GE(list["solvers"].size(), 10U);
  for (const auto& solver : list["solvers"]) {
    EXPECT_TRUE(contains(solvers, dashes_escaped(solver["name"].get<std::string>())));
    for (const auto& parameter : solver["parameters"]) {
      EXPECT_TRUE(contains(solvers, dashes_escaped(parameter["name"].get<std::string>())));
    }
  }
}

TEST_F(Manual, FilesOfAnInstallation) {
  ASSERT_EQ(recon("man --output pages").exit_code, 0);
  for (const auto& verb : verbs())
    EXPECT_TRUE(std::filesystem::exists(path("pages/man1/recon-" + verb + ".1"))) << verb;
  for (const char* name :
       {"man1/recon.1", "man7/recon-operators.7", "man7/recon-config.7", "recon.bash", "_recon", "recon.fish"}) {
    EXPECT_GT(file_content(path("pages") / name).size(), 500U) << name;
  }
  // groff finds nothing to complain about, where it is there.
  const Outputs lint = shell(
      "command -v groff >/dev/null || exit 0; groff -Kutf8 -man -Tutf8 -ww pages/man1/*.1 pages/man7/*.7 >/dev/null");
  EXPECT_EQ(lint.exit_code, 0);
  EXPECT_EQ(lint.err, "");
}

TEST_F(Manual, CompletionKnowsEveryVerbAndOption) {
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const Outputs script = recon("completion " + shell);
    ASSERT_EQ(script.exit_code, 0) << script.err;
    for (const auto& verb : verbs()) {
      EXPECT_TRUE(contains(script.out, verb)) << shell;
      for (const auto& option : options_in_help(verb)) {
        EXPECT_TRUE(contains(script.out, shell == "fish" ? "-l " + option.substr(2) : option)) << shell << " " << verb;
      }
    }
    EXPECT_TRUE(contains(script.out, "tv_pdhg")) << shell << ": names of the registries";
  }
  expect_error("completion csh", 2, {"csh"});
}

// What a user gets who types `recon WORDS<Tab>`, by bash itself.
TEST_F(Manual, BashCompletes) {
  ASSERT_EQ(recon("completion bash > recon.bash").exit_code, 0);
  const auto completed = [&](const std::string& words, int last) {
    const Outputs got =
        shell(fmt::format("bash -c 'compopt() {{ :; }}; source recon.bash; COMP_WORDS=({}); COMP_CWORD={}; _recon; "
                          "echo \"${{COMPREPLY[*]}}\"'",
                          words, last));
    EXPECT_EQ(got.err, "") << words;
    return got.out;
  };
  EXPECT_EQ(completed("recon ru", 1), "run\n");
  EXPECT_EQ(completed("recon run --verb", 2), "--verbose\n");
  EXPECT_EQ(completed("recon list solv", 2), "solvers\n");
  EXPECT_EQ(completed("recon run x.yaml --device cp", 4), "cpu\n");
  EXPECT_EQ(completed("recon run x.yaml --set solver.t", 4), "solver.type=\n");
  EXPECT_EQ(completed("recon run x.yaml --set solver.type = tv_p", 6), "tv_pdhg\n");
  EXPECT_TRUE(contains(completed("recon run x.yaml --set prior =", 5), "natural_gray"));
}

}  // namespace
}  // namespace recon
