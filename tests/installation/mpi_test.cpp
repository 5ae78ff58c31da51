// A batch under a real MPI launcher (Debian's openmpi-bin): the ranks know their places without an MPI library.
#include <ATen/ATen.h>

#include "tests/commands/batch_support.h"

namespace recon {
namespace {

class SlowMpi : public BatchTest {};

TEST_F(SlowMpi, RanksOfOpenMpiShareABatch) {
  if (shell("command -v mpirun").exit_code != 0) GTEST_SKIP() << "no mpirun: apt install openmpi-bin";
  write_items("m.h5", 60);
  write_config("m.h5");
  ASSERT_EQ(batch("--set output.path=alone.h5").exit_code, 0);
  const Outputs got = shell("mpirun --allow-run-as-root --oversubscribe -n 2 '" + test::program() +
                            "' batch batch.yaml --threads 1 --json");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  for (const char* rank : {"\"rank\":0,\"ranks\":2", "\"rank\":1,\"ranks\":2"}) EXPECT_TRUE(contains(got.out, rank));
  EXPECT_TRUE(at::equal(read_result_file(path("out.h5").string()).main.reconstructions,
                        read_result_file(path("alone.h5").string()).main.reconstructions));
}

}  // namespace
}  // namespace recon
