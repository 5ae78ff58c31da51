// A batch on a file system without locks, as no_locks.cpp makes one: found out at the start, and done by fixed shares.
#include <gtest/gtest.h>

#include "tests/commands/batch_support.h"

namespace recon {
namespace {

class NoLocks : public BatchTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    BatchTest::SetUp();
    write_items("m.h5", 6);
    write_config();
  }
  /// `recon batch` without locks, with more environment.
  Outputs without_locks(const std::string& environment, const std::string& more = "") const {
    return shell(fmt::format("cd '{}' && LD_PRELOAD='{}' RECON_TEST_LOCKS={} {} '{}' batch batch.yaml --threads 1 {}",
                             path("").string(), RECON_NO_LOCKS, GetParam(), environment, test::program(), more));
  }
  std::string images(const std::string& name) const {
    const at::Tensor all = ResultFile::open(path(name).string()).rows(0, 6).reconstructions.contiguous();
    return {static_cast<const char*>(all.const_data_ptr()), all.nbytes()};
  }
};

TEST_P(NoLocks, AProcessOfItsOwnDoesAll) {
  const Outputs got = without_locks("", "--set output.path=alone.h5");
  EXPECT_EQ(got.exit_code, 0) << got.err;
  EXPECT_NE(got.err.find("has no locks"), std::string::npos) << got.err;
  EXPECT_NE(got.err.find("--shard"), std::string::npos) << got.err;
  ASSERT_EQ(batch().exit_code, 0);
  EXPECT_EQ(images("alone.h5"), images("out.h5"));
}

TEST_P(NoLocks, RanksTakeFixedSharesAndAreMerged) {
  const auto rank = [&](int number) {
    return without_locks(fmt::format("OMPI_COMM_WORLD_RANK={} OMPI_COMM_WORLD_SIZE=2", number),
                         "--set output.path=shared.h5");
  };
  const Outputs second = rank(1), first = rank(0);
  EXPECT_EQ(second.exit_code, 0) << second.err;
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_NE(first.err.find("a fixed share"), std::string::npos) << first.err;
  EXPECT_EQ(second.err.find("has no locks"), std::string::npos) << "said once, by the first";
  EXPECT_NE(first.out.find("shard 1/2 is done (3 of 3 batches in all)"), std::string::npos) << first.out;
  const Outputs merged = without_locks("", "--set output.path=shared.h5 --merge");
  EXPECT_EQ(merged.exit_code, 0) << merged.err;
  ASSERT_EQ(batch().exit_code, 0);
  EXPECT_EQ(images("shared.h5"), images("out.h5"));
}

INSTANTIATE_TEST_SUITE_P(FileSystems, NoLocks, testing::Values("refused", "granted"));

}  // namespace
}  // namespace recon
