// Everything shown is executed: the code blocks of every page run here, page by page, in a scratch copy of the
// checkout.
//
//   ```sh             runs by `bash -eu`; blocks of a page share a folder, so that one may use what another has made
//   ```sh slow        the same in the Slow suite only, with all other blocks of its page
//   ```yaml           is read; with nothing but an `operator` it is built (attributes: options of `recon inspect`)
//   ```python MODULES runs where a Python has these modules: $RECON_PYTHON, or python3
//   ```text           is output or a formula
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "recon/config/config.h"
#include "tests/support/faults.h"
#include "tests/support/markdown.h"
#include "tests/support/paths.h"
#include "tests/support/python.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
using test::CodeBlock;
using test::MarkdownPage;
using test::python;
using test::python_has;

/// A folder that looks like the checkout with the program on the PATH; outputs land in it and not in the checkout.
class Scratch {
 public:
  Scratch() : path_(test::scratch_folder()) {
    for (const char* name : {"recon", "operators", "configs", "data", "priors", "tests", "README.md"}) {
      fs::create_directory_symlink(fs::path(test::source_path(name)), path_ / name);
    }
  }
  ~Scratch() { fs::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void write(const std::string& name, const std::string& text) const { std::ofstream(path_ / name) << text; }

  /// Exit status of `bash -eu` on the commands; output goes to `log`.
  int run(const std::string& commands, std::string& log) const {
    write("block.sh", commands);
    const std::string bin = fs::path(test::program()).parent_path().string();
    const std::string command =
        "cd '" + path_.string() + "' && PATH='" + bin + "':\"$PATH\" bash -eu block.sh >log.txt 2>&1";
    const int status = std::system(command.c_str());
    std::stringstream text;
    text << std::ifstream(path_ / "log.txt").rdbuf();
    log = text.str();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  void expect_runs(const std::string& commands, const std::string& where) const {
    std::string log;
    EXPECT_EQ(run(commands, log), 0) << where << "\n" << commands << log;
  }

 private:
  fs::path path_;
};

/// These run this very test, or what it is part of; what they do is covered by being run.
bool is_the_outer_command(const std::string& commands) {
  static const std::vector<std::string> outer = {"tests/run", "recon/quickstart", "recon/package", "cmake "};
  return std::any_of(outer.begin(), outer.end(), [&](const auto& command) { return commands.starts_with(command); });
}

void run_yaml(const Scratch& scratch, const CodeBlock& block, const std::string& where) {
  const Config config = Config::from_text(block.text, where);  // throws for what is no YAML, and for repeated keys
  const auto& entries = config.root()->entries;
  if (entries.size() != 1 || entries.front().key != "operator") return;
  scratch.write("block.yaml", block.text);
  scratch.expect_runs("recon inspect block.yaml " + block.attributes + "\n", where);
}

/// The page's commands and YAML in their order. `slow` takes those along that are marked so.
void run_page(const fs::path& path, bool slow) {
  const MarkdownPage page = test::read_markdown(path);
  const Scratch scratch;
  for (const auto& block : page.blocks) {
    const std::string where = page.name + ":" + std::to_string(block.line);
    if (block.language == "yaml") {
      run_yaml(scratch, block, where);
    } else if (block.language == "sh" && !is_the_outer_command(block.text) && (slow || block.attributes != "slow")) {
      scratch.expect_runs(block.text, where);
    }
  }
}

/// Pages with blocks to run; with `slow`, those that have slow ones.
std::vector<fs::path> runnable(bool slow) {
  std::vector<fs::path> pages = test::markdown_pages();
  std::erase_if(pages, [slow](const fs::path& path) {
    const auto blocks = test::read_markdown(path).blocks;
    return std::none_of(blocks.begin(), blocks.end(), [slow](const CodeBlock& block) {
      if (slow) return block.attributes == "slow";
      return (block.language == "sh" && block.attributes.empty()) || block.language == "yaml";
    });
  });
  return pages;
}

std::string test_name(const testing::TestParamInfo<fs::path>& info) {
  std::string name = fs::relative(info.param, test::source_path()).string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

class DocumentPage : public testing::TestWithParam<fs::path> {};
TEST_P(DocumentPage, ItsBlocksRun) { run_page(GetParam(), false); }
INSTANTIATE_TEST_SUITE_P(Every, DocumentPage, testing::ValuesIn(runnable(false)), test_name);

class SlowDocumentPage : public testing::TestWithParam<fs::path> {};
TEST_P(SlowDocumentPage, ItsSlowBlocksRun) { run_page(GetParam(), true); }
INSTANTIATE_TEST_SUITE_P(Slow, SlowDocumentPage, testing::ValuesIn(runnable(true)), test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SlowDocumentPage);

/// The Python of data/FORMAT.md, which needs files to read, is run by data_tests.
TEST(Documents, PythonRuns) {
  std::string skipped;
  for (const auto& path : test::markdown_pages()) {
    const MarkdownPage page = test::read_markdown(path);
    for (const auto& block : page.of("python")) {
      if (block.attributes.empty()) continue;
      const std::string where = page.name + ":" + std::to_string(block.line);
      if (!python_has(block.attributes)) {
        skipped += where + " needs a Python with " + block.attributes + ", see RECON_PYTHON\n";
        continue;
      }
      const Scratch scratch;
      scratch.write("block.py", block.text);
      scratch.expect_runs(python() + " block.py\n", where);
    }
  }
  if (!skipped.empty()) GTEST_SKIP() << skipped;
}

TEST(Documents, EveryBlockSaysWhatItIs) {
  const std::set<std::string> known = {"sh", "yaml", "python", "text", "cpp", "cmake", "console"};
  for (const auto& path : test::markdown_pages()) {
    const MarkdownPage page = test::read_markdown(path);
    EXPECT_TRUE(page.closed) << page.name << " ends inside a block";
    for (const auto& block : page.blocks) {
      const std::string where = page.name + ":" + std::to_string(block.line);
      EXPECT_TRUE(known.contains(block.language)) << where << " has no language that tests know: " << block.language;
      const bool plain = block.attributes.empty();
      EXPECT_TRUE(block.language != "sh" || plain || block.attributes == "slow") << where;
      EXPECT_TRUE(block.language != "python" || !plain || page.name == "data/FORMAT.md") << where;
    }
  }
}

/// A page whose fences change would otherwise pass without running anything.
TEST(Documents, AsManyBlocksRunAsThereShouldBe) {
  const std::map<std::string, std::size_t> least = {
      {"README.md", 7},
      {"recon/docs/raw_mri.md", 6},
      {"recon/docs/deblurring.md", 4},
      {"recon/docs/cluster.md", 8},
      {"recon/docs/uncertainty.md", 4},
      {"recon/docs/solvers.md", 1},
      {"recon/docs/operators.md", 1},
      {"recon/docs/priors.md", 7},
      {"recon/docs/own_files.md", 1},
  };
  for (const auto& [name, count] : least) {
    EXPECT_GE(test::read_markdown(fs::path(test::source_path(name))).of("sh").size(), count) << name;
  }
  EXPECT_GE(test::read_markdown(test::source_path("recon/docs/operators.md")).of("yaml").size(), 18U);
}

TEST(Documents, AFailingCommandIsNoticed) {
  const Scratch scratch;
  std::string log;
  EXPECT_EQ(scratch.run("recon list operators\nfalse\ntrue\n", log), 1);
  EXPECT_EQ(scratch.run("recon no-such-verb\n", log), 2) << log;
}

TEST(Documents, BlocksAreFound) {
  const fs::path path = test::scratch_folder() / "page.md";
  std::ofstream(path)
      << "# A\n```sh slow\necho\n```\n\n1. In a list:\n   ```yaml\n   a: 1\n   b: {\n     c: 2}\n   ```\n";
  const MarkdownPage page = test::read_markdown(path);
  ASSERT_EQ(page.blocks.size(), 2U);
  EXPECT_EQ(page.blocks[0].language, "sh");
  EXPECT_EQ(page.blocks[0].attributes, "slow");
  EXPECT_EQ(page.blocks[0].text, "echo\n");
  EXPECT_EQ(page.blocks[1].line, 8);
  EXPECT_EQ(page.of("yaml").front().text, "a: 1\nb: {\n  c: 2}\n");
  EXPECT_EQ(page.prose.front(), "# A");
  EXPECT_TRUE(page.closed);
}

}  // namespace
}  // namespace recon
