#include "recon/pipeline/batch/batch_engine.h"

#include <gtest/gtest.h>

#include <map>

#include "recon/core/error.h"

namespace recon {
namespace {

using Variables = std::map<std::string, std::string>;

Environment with(const Variables& variables) {
  return [&variables](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

Ranks ranks_of(const Variables& variables) { return ranks_from(with(variables)); }

TEST(Ranks, AreWhatTheLauncherSays) {
  const Ranks alone = ranks_of({});
  EXPECT_EQ(alone.rank, 0);
  EXPECT_EQ(alone.size, 1);
  EXPECT_EQ(alone.job, "");
  const Ranks open_mpi = ranks_of({{"OMPI_COMM_WORLD_RANK", "5"},
                                   {"OMPI_COMM_WORLD_SIZE", "8"},
                                   {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                   {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                                   {"PMIX_NAMESPACE", "77"},
                                   {"SLURM_PROCID", "0"},
                                   {"SLURM_STEP_NUM_TASKS", "2"}});  // mpirun inside a job of Slurm
  EXPECT_EQ(open_mpi.rank, 5);
  EXPECT_EQ(open_mpi.size, 8);
  EXPECT_EQ(open_mpi.local_rank, 1);
  EXPECT_EQ(open_mpi.local_size, 4);
  EXPECT_EQ(open_mpi.job, "77");
  const Ranks slurm = ranks_of({{"SLURM_PROCID", "3"},
                                {"SLURM_STEP_NUM_TASKS", "6"},
                                {"SLURM_LOCALID", "1"},
                                {"SLURM_STEP_TASKS_PER_NODE", "2(x3)"},
                                {"SLURM_JOB_ID", "12"},
                                {"SLURM_STEP_ID", "0"}});
  EXPECT_EQ(slurm.rank, 3);
  EXPECT_EQ(slurm.local_size, 2);
  EXPECT_EQ(slurm.job, "12.0");
  EXPECT_EQ(ranks_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "6"}}).size, 1) << "the script of a job is no step of it";
  const Ranks hydra = ranks_of({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}});
  EXPECT_EQ(hydra.rank, 1);
  EXPECT_EQ(hydra.job, "");
}

TEST(Shards, AreIOfN) {
  EXPECT_EQ(shard_from("2/3").index, 2U);
  EXPECT_EQ(shard_from("2/3").of, 3U);
  for (const char* wrong : {"", "2", "0/3", "4/3", "a/3", "1/", "/2", "1/2/3", "-1/2", "1 /2"}) {
    EXPECT_THROW(shard_from(wrong), Error) << wrong;
  }
}

// What each scheduler sets, and what is not enough.
TEST(Shards, AreWhatTheSchedulerSays) {
  struct Case {
    Variables variables;
    std::string text, shard;  ///< "I/N", or the word that the error has
  };
  const Variables slurm = {{"SLURM_ARRAY_TASK_ID", "7"},
                           {"SLURM_ARRAY_TASK_MIN", "3"},
                           {"SLURM_ARRAY_TASK_MAX", "9"},
                           {"SLURM_ARRAY_TASK_STEP", "2"},
                           {"SLURM_ARRAY_TASK_COUNT", "4"}};
  Variables uneven = slurm;
  uneven["SLURM_ARRAY_TASK_COUNT"] = "3";  // --array=3,7,9
  const Variables sge = {
      {"SGE_TASK_ID", "2"}, {"SGE_TASK_FIRST", "1"}, {"SGE_TASK_LAST", "8"}, {"SGE_TASK_STEPSIZE", "1"}};
  const std::vector<Case> cases = {
      {slurm, "auto", "3/4"},
      {uneven, "auto", "not evenly spaced"},
      {sge, "auto", "2/8"},
      {{{"SGE_TASK_ID", "undefined"}, {"JOB_COMPLETION_INDEX", "0"}}, "auto/8", "1/8"},
      {{{"LSB_JOBINDEX", "5"}, {"LSB_JOBINDEX_END", "6"}, {"LSB_JOBINDEX_STEP", "1"}}, "auto", "5/6"},
      {{{"AWS_BATCH_JOB_ARRAY_INDEX", "9"}, {"AWS_BATCH_JOB_ARRAY_SIZE", "10"}}, "auto", "10/10"},
      {{{"BATCH_TASK_INDEX", "0"}, {"BATCH_TASK_COUNT", "2"}}, "auto", "1/2"},
      {{{"JOB_COMPLETION_INDEX", "7"}}, "auto/8", "8/8"},
      {{{"JOB_COMPLETION_INDEX", "7"}}, "auto", "auto/N"},
      {{{"JOB_COMPLETION_INDEX", "8"}}, "auto/8", "none of 8 jobs that begin at 0"},
      {{{"PBS_ARRAY_INDEX", "1"}}, "auto/8", "1/8"},
      {{{"PBS_ARRAYID", "8"}}, "auto/8", "8/8"},
      {{{"PBS_ARRAY_INDEX", "0"}}, "auto/8", "none of 8 jobs that begin at 1"},
      {{}, "auto", "no variable of a job array"},
      {slurm, "auto/0", "auto/N"},
      {slurm, "automatic", "auto/N"},
  };
  for (const Case& one : cases) {
    std::string found;
    try {
      const Shard shard = shard_from(one.text, with(one.variables));
      found = std::to_string(shard.index) + "/" + std::to_string(shard.of);
      EXPECT_EQ(found, one.shard);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_NE(std::string(error.what()).find(one.shard), std::string::npos) << error.what();
    }
  }
}

TEST(Differences, NameThePlacesWithBothValues) {
  const nlohmann::ordered_json was = {{"solver", {{"steps", 10}, {"type", "dps"}}}, {"gone", 1}};
  const nlohmann::ordered_json is = {{"solver", {{"steps", 20}, {"type", "dps"}}}, {"new", "x"}};
  EXPECT_EQ(differences(was, is), "solver.steps was 10, is 20; new was absent, is \"x\"; gone was 1, is absent");
  EXPECT_EQ(differences(was, was), "");
  const nlohmann::ordered_json few = {{"x", 1}};
  nlohmann::ordered_json many = few;
  for (int i = 0; i < 8; ++i) many[std::to_string(i)] = i;
  EXPECT_NE(differences(few, many).find("and 3 more"), std::string::npos);
}

}  // namespace
}  // namespace recon
