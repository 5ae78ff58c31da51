// What a batch shows beside its result: tables of its own, and how far it is (recon batch --watch).
#include "tests/commands/batch_support.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

class BatchOutputs : public BatchTest {};

TEST_F(BatchOutputs, DoesNotReplaceTheTableOfAnother) {
  write_items("m.h5", 2);
  write_config();
  ASSERT_EQ(batch("--set output.csv=t.csv --set output.path=first.h5").exit_code, 0);
  const std::string table = file_content(path("t.csv"));
  const Outputs got = batch("--set output.csv=t.csv --set output.path=second.h5");
  EXPECT_EQ(got.exit_code, 2);
  for (const char* word : {"t.csv", "second.h5", "--restart"}) EXPECT_TRUE(contains(got.err, word)) << got.err;
  EXPECT_EQ(file_content(path("t.csv")), table);
  EXPECT_FALSE(fs::exists(path("second.h5.parts")));
  EXPECT_EQ(batch("--set output.csv=t.csv --set output.path=second.h5 --restart").exit_code, 0);
  EXPECT_EQ(batch("--set output.csv=t.csv --set output.path=second.h5").exit_code, 0) << "its own";
}

TEST_F(BatchOutputs, CanBeWatchedFromElsewhere) {
  const Outputs nothing = recon("batch --watch out.h5 --json");
  EXPECT_EQ(nothing.exit_code, 3);
  EXPECT_TRUE(contains(nothing.err, "out.h5.parts")) << nothing.err;
  write_items("m.h5", 6, {1});
  write_config("m.h5", 2, "");
  {
    Watched work(command("--set solver.max_iterations=3000"));
    std::size_t durable = 0;
    ASSERT_TRUE(work.until([&](const auto& event) { return event["event"] == "durable" && ++durable == 2; }));
    work.signal_all(SIGKILL);
    work.wait();
  }
  const std::size_t done = parts().size();
  const Outputs half = recon("batch --watch out.h5 --json");
  EXPECT_EQ(half.exit_code, 1) << "an item failed";
  EXPECT_EQ(half.json()["finished"], false);
  EXPECT_EQ(half.json()["batches"], 3);
  EXPECT_EQ(half.json()["batches_done"], done);
  EXPECT_EQ(half.json()["items"], 2 * done);
  EXPECT_EQ(half.json()["failed"], 1);
  EXPECT_EQ(half.json()["devices"]["cpu"], 2 * done);
  EXPECT_EQ(parts().size(), done) << "nothing was changed";
  const auto ranks = half.json()["ranks"];
  ASSERT_EQ(ranks.size(), 1U);
  EXPECT_EQ(ranks[0]["rank"], 0);
  EXPECT_EQ(ranks[0]["device"], "cpu");
  EXPECT_GE(ranks[0]["items"], 2);  // by what it said last, two seconds at most before the end
  EXPECT_LE(ranks[0]["items"], 2 * (done + 1));
  EXPECT_GT(ranks[0]["resident_mib"], 10);
  EXPECT_GT(ranks[0]["peak_mib"], 10);
  EXPECT_LT(ranks[0]["seconds_since"], 600);
  ASSERT_EQ(batch("--set solver.max_iterations=3000").exit_code, 1);
  const Outputs whole = recon("batch --watch out.h5");
  EXPECT_EQ(whole.exit_code, 1);
  EXPECT_TRUE(contains(whole.out, "the batch is finished: out.h5") && contains(whole.out, "6 done, 1 failed"))
      << whole.out;
  EXPECT_FALSE(fs::exists(path("out.h5.parts"))) << "the states of the processes went with the parts";
}

}  // namespace
}  // namespace recon
