// What is seen on a terminal, through a pseudo-terminal of a given width, and what is written where there is none.
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstdlib>
#include <regex>

#include "recon/commands/status_line.h"
#include "recon/report/text_table.h"
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

/// What a command writes to a terminal of so many columns.
std::string seen_on_terminal(const std::string& command, unsigned short columns) {
  winsize size{.ws_row = 40, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  int master = -1;
  const pid_t child = ::forkpty(&master, nullptr, nullptr, &size);
  if (child == 0) {
    ::setenv("TERM", "xterm", 1);  // what knows no colours gets none
    ::execl("/bin/bash", "bash", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  std::string seen;
  std::array<char, 4096> block{};
  for (ssize_t n = 0; (n = ::read(master, block.data(), block.size())) > 0;) {
    seen.append(block.data(), static_cast<std::size_t>(n));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(master);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << seen;
  return seen;
}

/// What is drawn between two movements of the cursor to the first column.
std::vector<std::string> drawn(const std::string& seen) {
  const std::string plain = std::regex_replace(seen, std::regex("\x1b\\[[0-9;]*[A-Za-z]"), "");
  std::vector<std::string> lines{""};
  for (const char c : plain) {
    if (c == '\r' || c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  return lines;
}

class Terminal : public ProgramTest, public testing::WithParamInterface<unsigned short> {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0) GTEST_SKIP() << "no pseudo-terminals here; is /dev/pts mounted?";
    ::close(master);
  }
  std::string run(const std::string& more) const {
    return fmt::format("cd '{}' && '{}' run '{}' --threads 1 --allow-misfit --items 0 {}", path("").string(),
                       test::program(), test::source_path("data/samples/photograph_inpainting.h5"), more);
  }
};

TEST_P(Terminal, ProgressAndTablesFitItsWidth) {
  const std::string seen =
      seen_on_terminal(run("--solver '{type: diffpir, steps: 30}' --set 'baselines=[adjoint, tv_pdhg]'"), GetParam());
  std::size_t bars = 0;
  for (const std::string& line : drawn(seen)) {
    if (line.starts_with("recon: ") || line.starts_with("result:")) continue;  // sentences and paths wrap
    EXPECT_LE(displayed_width(line), GetParam()) << line;
    bars += line.find("diffpir ") != std::string::npos && line.find("/30") != std::string::npos ? 1U : 0U;
  }
  EXPECT_GE(bars, 2U) << "it moved\n" << seen;
  const std::string bar = "/30";
  std::size_t newlines = 0;
  for (std::size_t at = 0; (at = seen.find(bar, at)) != std::string::npos; ++at) {
    const std::size_t end = seen.find_first_of("\r\n", at);
    newlines += seen.compare(end, 2, "\r\n") == 0 ? 1U : 0U;  // a terminal writes a new line as both
  }
  EXPECT_EQ(newlines, 1U) << "one line for all steps of a solver\n" << seen;
}
INSTANTIATE_TEST_SUITE_P(Columns, Terminal, testing::Values(40, 80, 120));

TEST_F(Terminal, ElsewhereThereIsOneLineForEachPieceOfWork) {
  const Outputs got = shell(run("--solver '{type: diffpir, steps: 12}' --set 'baselines=[tv_pdhg]'"));
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_EQ(got.err.find('\r'), std::string::npos);
  EXPECT_EQ(got.err.find('\x1b'), std::string::npos);
  EXPECT_TRUE(contains(got.err, "diffpir 12/12"));
  EXPECT_FALSE(contains(got.err, "diffpir 6/12")) << "less than a minute passes in between";
}

TEST_F(Terminal, NoColorIsHonoured) {
  const std::string wrong = run("--force --solver adjoint --noise-std 9");  // warns
  EXPECT_NE(seen_on_terminal(wrong, 200).find("\x1b[33m"), std::string::npos) << "yellow";
  EXPECT_EQ(seen_on_terminal("export NO_COLOR=1; " + wrong, 200).find("\x1b[33m"), std::string::npos);
}

TEST(StatusLine, WhatDoesNotFitIsLeftOutTheBarFirst) {
  const StatusText status{.label = "item µ: dps 8/50", .share = 0.5, .facts = {"0:30 left", "chi2 1.02"}};
  EXPECT_EQ(fitted_status(status, 70), "item µ: dps 8/50 [============            ]  0:30 left  chi2 1.02");
  EXPECT_EQ(fitted_status(status, 60), "item µ: dps 8/50  0:30 left  chi2 1.02");
  EXPECT_EQ(fitted_status(status, 30), "item µ: dps 8/50  0:30 left");
  EXPECT_EQ(fitted_status(status, 16), "item µ: dps 8/50");
  EXPECT_EQ(fitted_status(status, 10), "item µ:...");
  EXPECT_EQ(fitted_status(status, 2), "..");
}

TEST(TextTable, WideOnesBecomeSeveral) {
  const std::vector<std::vector<std::string>> lines = {{"item", "solver", "PSNR", "chi2", "status"},
                                                       {"a", "tv", "20.1", "1.0", "converged"}};
  EXPECT_EQ(aligned(lines, 2), "item  solver  PSNR  chi2  status\na     tv      20.1   1.0  converged\n");
  EXPECT_EQ(aligned(lines, 2, 27),
            "item  solver  PSNR  chi2\na     tv      20.1   1.0\n\nitem  solver  status\na     tv      converged\n");
  EXPECT_EQ(aligned(lines, 2, 5), aligned(lines, 2, 13)) << "at least one column beside the first";
}

}  // namespace
}  // namespace recon
