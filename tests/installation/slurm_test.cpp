// A batch on a real Slurm that this machine is made to be, with a node that dies: tests/installation/check_slurm.
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

class SlowSlurm : public ProgramTest {};

TEST_F(SlowSlurm, ANodeThatDiesChangesNoBitOfTheResult) {
  constexpr int cannot_run_here = 77;
  const Outputs got =
      shell(fmt::format("'{}' '{}'", test::source_path("tests/installation/check_slurm"), test::program()));
  if (got.exit_code == cannot_run_here) GTEST_SKIP() << got.out;
  EXPECT_EQ(got.exit_code, 0) << got.out << got.err;
  EXPECT_NE(got.out.find("killed node n2"), std::string::npos) << got.out;
  EXPECT_NE(got.out.find("bit for bit"), std::string::npos) << got.out;
}

}  // namespace
}  // namespace recon
