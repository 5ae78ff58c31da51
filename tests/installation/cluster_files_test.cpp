// The job files for Kubernetes and the clouds against the schemas of their readers:
// tests/installation/check_cluster_files.
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

class SlowClusterFiles : public ProgramTest {};

TEST_F(SlowClusterFiles, AreAsTheirSchemasSay) {
  constexpr int cannot_run_here = 77;
  const Outputs got = shell("'" + test::source_path("tests/installation/check_cluster_files") + "'");
  if (got.exit_code == cannot_run_here) GTEST_SKIP() << got.out;
  EXPECT_EQ(got.exit_code, 0) << got.out << got.err;
  for (const char* file : {"kubernetes.yaml", "aws_batch.json", "google_batch.json"}) {
    EXPECT_TRUE(contains(got.out, std::string(file) + " is as its schema says"));
  }
}

}  // namespace
}  // namespace recon
