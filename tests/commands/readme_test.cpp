#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>
#include "tests/support/paths.h"

// Everything shown is executed: the ```sh blocks of the READMEs run here, in a scratch copy of what they refer to.
namespace recon {
namespace {

namespace fs = std::filesystem;

struct Block {
  int line = 0;
  std::string commands;
};

std::vector<Block> shell_blocks(const fs::path& readme) {
  std::vector<Block> blocks;
  std::ifstream file(readme);
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (!inside && line == "```sh") {
      blocks.push_back({number + 1, ""});
      inside = true;
    } else if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back().commands += line + "\n";
    }
  }
  EXPECT_FALSE(inside) << readme << " ends inside a block";
  return blocks;
}

/// A folder that looks like the checkout with the program on the PATH; outputs land in it and not in the checkout.
class Scratch {
 public:
  Scratch() : path_(fs::temp_directory_path() / "readme") {
    fs::create_directories(path_);
    for (const char* name : {"recon", "configs", "data", "priors", "tests", "README.md"}) {
      fs::create_directory_symlink(fs::path(test::source_path()) / name, path_ / name);
    }
  }
  ~Scratch() { fs::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// Exit status of `bash -eu` on the commands; output goes to `log`.
  int run(const std::string& commands, std::string& log) const {
    std::ofstream(path_ / "block.sh") << commands;
    const std::string bin = fs::path(test::program()).parent_path().string();
    const std::string command =
        "cd '" + path_.string() + "' && PATH='" + bin + "':\"$PATH\" bash -eu block.sh >log.txt 2>&1";
    const int status = std::system(command.c_str());
    std::stringstream text;
    text << std::ifstream(path_ / "log.txt").rdbuf();
    log = text.str();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  fs::path path_;
};

/// These two run this very test; what they do is covered by being run.
bool is_the_outer_command(const std::string& commands) {
  return commands.find("tests/run") != std::string::npos || commands.find("recon/quickstart") != std::string::npos;
}

/// Runs the blocks of one text; how many there were.
std::size_t run_blocks(const fs::path& text) {
  const Scratch scratch;
  const auto blocks = shell_blocks(text);
  for (const auto& block : blocks) {
    if (is_the_outer_command(block.commands)) continue;
    std::string log;
    EXPECT_EQ(scratch.run(block.commands, log), 0) << text << ":" << block.line << "\n" << block.commands << log;
  }
  return blocks.size();
}

TEST(Readme, EveryCommandOfTheReadmeRuns) { EXPECT_GT(run_blocks(fs::path(test::source_path("README.md"))), 3U); }

TEST(Readme, EveryCommandOfTheRoomsRuns) {
  for (const char* room : {"recon", "operators", "priors", "data", "configs"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(test::source_path()) / room)) {
      if (entry.path().extension() == ".md") run_blocks(entry.path());
    }
  }
}

TEST(Readme, AFailingCommandIsNoticed) {
  const Scratch scratch;
  std::string log;
  EXPECT_EQ(scratch.run("recon list operators\nfalse\ntrue\n", log), 1);
  EXPECT_EQ(scratch.run("recon no-such-verb\n", log), 2) << log;
}

}  // namespace
}  // namespace recon
