// What is on disk of a batch: who may go on with it, who may not, and what a kill leaves. The kills themselves are in
// tests/commands/batch_kill_test.cpp.
#include "recon/pipeline/batch/batch_store.h"

#include <ATen/ATen.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "data/atomic_file.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

const ordered_json identity_of_run = {{"config", {{"solver", "dps"}}}, {"program", "recon 0.1.0 abc"}};

class BatchStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { folder_ = test::scratch_folder(); }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path output() const { return folder_ / "out.h5"; }
  fs::path parts() const { return folder_ / "out.h5.parts"; }

  BatchStore open(const ordered_json& identity = identity_of_run, BatchStore::Mode mode = BatchStore::Mode::resume,
                  const std::string& job = "", std::size_t batches = 3) const {
    return {output(), identity, batches, {.mode = mode, .job = job, .folder = folder_.string()}, [](const ResultFile&) {
              return std::set<std::size_t>{1};
            }};
  }
  static ResultSet result(const std::string& id, const std::string& error = "") {
    ResultSet set;
    set.ids = {id};
    set.main.solver = "dps";
    set.main.reconstructions = at::ones({1, 1, 2, 2});
    set.main.error = {error};
    return set;
  }
  static void write_part(const BatchStore& store, std::size_t batch, const std::string& error = "") {
    write_result_file(store.part_path(batch), result(std::to_string(batch), error));
  }
  void write_output(const BatchStore& store) const {
    ResultSet set = result("0");
    set.manifest = store.manifest_text();
    write_result_file(output().string(), set);
  }
  std::string complaint(const ordered_json& identity, BatchStore::Mode mode = BatchStore::Mode::resume) const {
    try {
      open(identity, mode);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  fs::path folder_;
};

/// Whether another process gets the batch.
bool another_process_claims(const fs::path& claims, std::int64_t batch) {
  const pid_t child = ::fork();
  if (child == 0) {
    ClaimFile file(claims.string());
    ::_exit(file.try_claim(batch + 2) ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(BatchStoreTest, WhatIsDoneIsDoneForWhoComesNext) {
  {
    BatchStore store = open();
    EXPECT_FALSE(store.finished());
    EXPECT_TRUE(store.claim(0));
    EXPECT_FALSE(another_process_claims(parts() / "claims", 0));
    EXPECT_TRUE(another_process_claims(parts() / "claims", 1));
    write_part(store, 0);
    store.release(0);
    EXPECT_FALSE(store.claim(0)) << "it is done";
    EXPECT_EQ(store.count_done(), 1U);
  }
  BatchStore again = open();
  EXPECT_TRUE(again.is_done(0));
  EXPECT_FALSE(again.is_done(1));
  EXPECT_EQ(again.count_done(), 1U);
}

// The last rank of a thousand comes by all batches: after 64 looks one listing tells of the rest.
TEST_F(BatchStoreTest, WhatOthersHaveDoneIsLearntFromOneListing) {
  BatchStore store = open(identity_of_run, BatchStore::Mode::resume, "", 200);
  const auto touch = [&](std::size_t batch) { std::ofstream(store.part_path(batch)) << "a part"; };
  for (std::size_t batch = 0; batch < 180; ++batch) touch(batch);
  std::ofstream(parts() / "00000190.h5.tmp") << "half a part";
  for (std::size_t batch = 0; batch < 64; ++batch) EXPECT_FALSE(store.claim(batch)) << batch;
  for (std::size_t batch = 64; batch < 180; ++batch) {
    fs::remove(store.part_path(batch));  // who needs another look does not see it any more
    EXPECT_FALSE(store.claim(batch)) << batch;
  }
  touch(185);
  EXPECT_FALSE(store.claim(185)) << "done since the listing";
  EXPECT_TRUE(store.claim(190));
  EXPECT_TRUE(store.claim(199));
}

TEST_F(BatchStoreTest, AnotherRunIsRefusedWithWhatDiffers) {
  { open(); }
  ordered_json other = identity_of_run;
  other["config"]["solver"] = "tv_pdhg";
  test::expect_says(complaint(other), {"out.h5.parts", "config.solver was \"dps\", is \"tv_pdhg\"", "--restart"});
  EXPECT_TRUE(fs::exists(parts() / "manifest.json")) << "the run that it belongs to may go on";
  EXPECT_EQ(complaint(other, BatchStore::Mode::restart), "");
  test::expect_says(complaint(identity_of_run), {"config.solver was \"tv_pdhg\", is \"dps\""});
}

TEST_F(BatchStoreTest, PartsOfAnotherVersionAreRefusedWithOneMessage) {
  {
    BatchStore store = open();
    write_part(store, 0);
  }
  const std::string path = (parts() / "manifest.json").string();
  ordered_json manifest = ordered_json::parse(read_whole_file(path, 1 << 20));
  manifest.erase("version");  // as recon wrote it until version 2
  write_file_atomically(path, manifest.dump());
  test::expect_says(complaint(identity_of_run),
                    {"out.h5.parts", "version 1", "version 2", "recon 0.1.0 abc", "--restart"});
  EXPECT_TRUE(fs::exists(parts() / "00000000.h5")) << "nothing is lost";
  EXPECT_EQ(complaint(identity_of_run, BatchStore::Mode::restart), "");
  EXPECT_FALSE(fs::exists(parts() / "00000000.h5"));
}

TEST_F(BatchStoreTest, PartsWithoutAManifestAreRubbishAndABrokenManifestIsSaid) {
  {
    BatchStore store = open();
    write_part(store, 2);
  }
  fs::remove(parts() / "manifest.json");
  EXPECT_EQ(open().count_done(), 0U);
  write_file_atomically((parts() / "manifest.json").string(), "{}");
  test::expect_says(complaint(identity_of_run), {"manifest.json", "no manifest of a batch"});
}

TEST_F(BatchStoreTest, AFinishedRunIsFinishedForAllAndLeavesNoFolder) {
  BatchStore store = open();
  ASSERT_TRUE(store.begin_assembly());
  write_output(store);
  store.end_assembly();
  EXPECT_TRUE(store.finished());
  EXPECT_FALSE(fs::exists(parts()));
  EXPECT_TRUE(open().finished());
  EXPECT_FALSE(fs::exists(parts()));
  ordered_json other = identity_of_run;
  other["program"] = "recon 0.2.0";
  test::expect_says(complaint(other), {"out.h5", "result of another run", "program was"});
  write_result_file(output().string(), result("0"));
  test::expect_says(complaint(identity_of_run), {"out.h5", "no batch made it"});
}

TEST_F(BatchStoreTest, AKillBetweenTheOutputAndTheRemovalOfItsPartsIsCleanedUp) {
  {
    BatchStore store = open();
    for (std::size_t batch = 0; batch < 3; ++batch) write_part(store, batch);
    write_output(store);
  }
  EXPECT_TRUE(fs::exists(parts() / "00000002.h5"));
  EXPECT_TRUE(open().finished());
  EXPECT_FALSE(fs::exists(parts()));
}

TEST_F(BatchStoreTest, RetryComputesTheFailedBatchesOnly) {
  {
    BatchStore store = open();
    ASSERT_TRUE(store.begin_assembly());
    write_output(store);
    store.end_assembly();
  }
  const BatchStore retried = open(identity_of_run, BatchStore::Mode::retry_failed);
  EXPECT_FALSE(retried.finished());
  EXPECT_TRUE(retried.is_done(0) && !retried.is_done(1) && retried.is_done(2));
  EXPECT_EQ(retried.count_done(), 2U);
  ASSERT_NE(retried.earlier(), nullptr);
}

TEST_F(BatchStoreTest, RetryOfAnUnfinishedRunDropsThePartsWithAnError) {
  {
    BatchStore store = open();
    write_part(store, 0);
    write_part(store, 1, "its data are damaged");
  }
  const BatchStore retried = open(identity_of_run, BatchStore::Mode::retry_failed);
  EXPECT_TRUE(retried.is_done(0));
  EXPECT_FALSE(retried.is_done(1));
}

TEST_F(BatchStoreTest, TheRanksOfOneJobRestartOnce) {
  { open(); }
  BatchStore first = open(identity_of_run, BatchStore::Mode::restart, "job 7");
  write_part(first, 0);
  const BatchStore second = open(identity_of_run, BatchStore::Mode::restart, "job 7");
  EXPECT_TRUE(second.is_done(0)) << "the first of them has restarted, the others join";
}

}  // namespace
}  // namespace recon
