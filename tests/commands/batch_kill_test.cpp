// What the batch engine promises of kills, full disks and many ranks, shown on the real program.
#include <sys/mount.h>
#include <sys/resource.h>

#include <chrono>

#include "tests/commands/batch_support.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

class SlowBatch : public BatchTest {
 protected:
  void SetUp() override {
    BatchTest::SetUp();
    rng_ = std::make_unique<Rng>(static_cast<std::uint64_t>(20), "kills");
  }
  std::size_t drawn(std::size_t below) {
    const double u = rng_->uniform({{++draws_, 0}}, 0, {{1}, ScalarKind::real}).item<double>();
    return static_cast<std::size_t>(u * static_cast<double>(below));
  }

  /// Every HDF5 file that there is opens and reads to its end, here and in HDF5's own tool.
  void expect_sound_files() const {
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(path(""))) {
      if (entry.path().extension() != ".h5" || entry.path().filename() == "m.h5") continue;
      ++files;
      EXPECT_NO_THROW(read_result_file(entry.path().string())) << entry.path();
    }
    if (files == 0 || std::system("which h5dump >/dev/null 2>&1") != 0) return;
    const Outputs dumped = shell("for f in $(find . -name '*.h5'); do h5dump \"$f\" >/dev/null || exit 1; done");
    EXPECT_EQ(dumped.exit_code, 0) << dumped.err;
  }

  /// Runs the command again and again; each run is killed (all of it, or one rank) after a drawn event. Returns the
  /// kills by the event that they followed. `parts` of batches that are durable must never be computed again.
  std::map<std::string, int> kill_again_and_again(const std::string& run, int kills, bool one_rank) {
    std::map<std::string, int> hits;
    for (int kill = 0; kill < kills;) {
      const auto durable = parts();
      const bool all_there = batches_ > 0 && durable.size() == batches_;
      static const std::vector<std::string> kinds = {"opened", "computing", "item", "durable"};
      const std::string kind = all_there ? "assembling" : kinds[drawn(kinds.size())];
      const bool may_skip = kind != "opened" && durable.size() + 4 < batches_;
      std::size_t skip = all_there ? drawn(2 * batches_) : may_skip ? drawn(3) : 0;
      Watched watched(run);
      std::vector<pid_t> ranks;
      bool hit = false;
      while (const auto event = watched.next()) {
        if ((*event)["event"] == "opened") {
          batches_ = (*event)["batches"];
          ranks.push_back((*event)["pid"]);
        }
        if ((*event)["event"] == "computing") {
          EXPECT_FALSE(durable.contains((*event)["batch"].get<std::size_t>())) << "computed again though durable";
        }
        if (hit || (*event)["event"] != kind || skip-- > 0) continue;
        hit = true;
        ::usleep(static_cast<unsigned>(drawn(8000)));  // into what follows the event: a write takes a few milliseconds
        if (one_rank) {
          ::kill(ranks[drawn(ranks.size())], SIGKILL);
        } else {
          watched.signal_all(SIGKILL);
        }
        ++hits[kind];
        ++kill;
      }
      const int status = watched.wait();
      if (!hit && status > 1) {
        ADD_FAILURE() << "refused, and would be for ever: exit code " << status << "\n"
                      << file_content(path("stderr.txt"));
        return hits;
      }
      if (!one_rank && hit) {
        EXPECT_EQ(status, 128 + SIGKILL);
      }
      expect_sound_files();
      if (fs::exists(path("out.h5")) && !fs::exists(path("out.h5.parts"))) {  // finished in spite of the kill
        EXPECT_TRUE(same_results(path("out.h5"), path("whole.h5")));
        fs::remove(path("out.h5"));
        fs::remove(path("sheet.png"));  // a new run does not replace what is not its own
        ++rounds_;
      }
    }
    return hits;
  }

 private:
  std::unique_ptr<Rng> rng_;
  std::uint64_t draws_ = 0;
  std::size_t batches_ = 0;  ///< of the run, once it has said so

 protected:
  int rounds_ = 0;  ///< results that were finished on the way
};

std::string shown(const std::map<std::string, int>& hits) {
  std::string text;
  for (const auto& [kind, count] : hits) text += fmt::format("{} {}, ", kind, count);
  return text;
}

TEST_F(SlowBatch, FiftyKillsChangeNothing) {
  write_items("m.h5", 60, {17});
  write_config("m.h5", 2);
  const std::string more = "--set output.contact_sheet=sheet.png";
  ASSERT_EQ(batch("--set output.path=whole.h5").exit_code, 1);
  auto hits = kill_again_and_again(command(more), 50, false);
  int kills = 0;
  for (const auto& [kind, count] : hits) kills += count;
  EXPECT_EQ(kills, 50);
  // How many of them fall into assembly is a matter of timing: some runs get there twice, some once.
  for (int more_kills = 0; hits["assembling"] < 5 && more_kills < 50; ++more_kills) {
    for (const auto& [kind, count] : kill_again_and_again(command(more), 1, false)) hits[kind] += count;
  }
  std::printf("kills after: %s%d results on the way\n", shown(hits).c_str(), rounds_);
  EXPECT_GE(hits.at("assembling"), 5);
  ASSERT_EQ(batch(more).exit_code, 1);
  EXPECT_TRUE(same_results(path("out.h5"), path("whole.h5")));
  EXPECT_FALSE(fs::exists(path("out.h5.parts")));
  for (const auto& entry : fs::directory_iterator(path(""))) {
    EXPECT_FALSE(contains(entry.path().string(), ".tmp.")) << entry.path() << " was left behind";
  }
}

bool has_mpirun() { return std::system("which mpirun >/dev/null 2>&1") == 0; }

std::string mpirun(int ranks, const std::string& run, const std::string& more = "") {
  return fmt::format("mpirun --allow-run-as-root --oversubscribe --bind-to none -n {} {} bash -c \"{}\"", ranks, more,
                     run);
}

TEST_F(SlowBatch, KillsOfOneOfTwoRanksChangeNothing) {
  if (!has_mpirun()) GTEST_SKIP() << "no mpirun here; apt-get install openmpi-bin";
  write_items("m.h5", 60);
  write_config("m.h5", 2);
  ASSERT_EQ(batch("--set output.path=whole.h5").exit_code, 0);
  const auto hits = kill_again_and_again(mpirun(2, command()), 12, true);
  std::printf("kills after: %s%d results on the way\n", shown(hits).c_str(), rounds_);
  const Outputs last = shell(mpirun(2, command()));
  ASSERT_EQ(last.exit_code, 0) << last.err;
  EXPECT_TRUE(same_results(path("out.h5"), path("whole.h5")));
}

TEST_F(SlowBatch, OneTwoAndFourRanksGiveTheSameFile) {
  if (!has_mpirun()) GTEST_SKIP() << "no mpirun here; apt-get install openmpi-bin";
  write_items("m.h5", 24, {5});
  write_config("m.h5", 2);
  ASSERT_EQ(batch("--set output.path=whole.h5").exit_code, 1);
  for (const int ranks : {1, 2, 4}) {
    const Outputs got = shell(mpirun(ranks, command(fmt::format("--set output.path=r{}.h5", ranks))));
    EXPECT_EQ(got.exit_code, 1) << got.err;
    std::set<pid_t> workers;
    for (const auto& event : events_of(got)) {
      if (event["event"] == "opened") workers.insert(event["pid"].get<pid_t>());
    }
    EXPECT_EQ(workers.size(), static_cast<std::size_t>(ranks));
    EXPECT_TRUE(same_results(path(fmt::format("r{}.h5", ranks)), path("whole.h5"))) << ranks;
  }
  const Outputs again = shell(mpirun(2, command("--retry-failed --set output.path=r2.h5")));
  EXPECT_EQ(again.exit_code, 1) << again.err;
  EXPECT_EQ(count(events_of(again), "computing"), 1U) << "one batch had failed, and one of both ranks took it";
  EXPECT_TRUE(same_results(path("r1.h5"), path("r4.h5")));
}

/// A small file system in memory, for root only.
class SmallDisk {
 public:
  SmallDisk(const fs::path& where, int kib) : where_(where) {
    fs::create_directory(where);
    mounted_ = ::mount("tmpfs", where.c_str(), "tmpfs", 0, fmt::format("size={}k", kib).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(where_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }
  bool change(unsigned long flags, int kib) const {
    return ::mount("tmpfs", where_.c_str(), "tmpfs", MS_REMOUNT | flags, fmt::format("size={}k", kib).c_str()) == 0;
  }

 private:
  fs::path where_;
  bool mounted_ = false;
};

TEST_F(SlowBatch, AFullAndAReadOnlyDiskAreOneErrorAndTheRunGoesOn) {
  const SmallDisk disk(path("disk"), 256);
  if (!disk.mounted()) GTEST_SKIP() << "cannot mount a tmpfs; run as root";
  write_items("m.h5", 60, {}, 32);
  write_config("m.h5", 4);
  ASSERT_EQ(batch("--set output.path=whole.h5").exit_code, 0);
  const std::string to_disk = "batch batch.yaml --threads 1 -q --set output.path=disk/out.h5";
  expect_error(to_disk, 3, {"disk/out.h5", "space"});
  const std::size_t kept = parts("disk/out.h5").size();
  EXPECT_GT(kept, 0U);
  EXPECT_LT(kept, 15U);
  expect_error(to_disk, 3, {"disk/out.h5", "space"});  // still full
  EXPECT_GE(parts("disk/out.h5").size(), kept);
  ASSERT_TRUE(disk.change(MS_RDONLY, 256));
  expect_error(to_disk, 3, {"disk/out.h5", "Read-only"});
  // Room for the parts, not for the result beside them: the assembly meets the full disk.
  ASSERT_TRUE(disk.change(0, 520));
  expect_error(to_disk, 3, {"disk/out.h5", "space"});
  EXPECT_FALSE(fs::exists(path("disk/out.h5")));
  ASSERT_TRUE(disk.change(0, 8192));
  const Outputs got = recon(to_disk + " --json");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  EXPECT_TRUE(same_results(path("disk/out.h5"), path("whole.h5")));
}

TEST_F(SlowBatch, MemoryIsThatOfABatchForTenThousandItems) {
  write_items("m.h5", 10000, {}, 64);
  write("batch.yaml", "input: m.h5\nsolver: {type: adjoint}\nbatch: {size: 16}\noutput: {path: out.h5}\n");
  Watched run(command());
  std::vector<double> resident;
  nlohmann::json last;
  while (const auto event = run.next()) {
    if ((*event)["event"] == "durable") resident.push_back((*event)["rss_mib"]);
    last = *event;
  }
  EXPECT_EQ(run.wait(), 0);
  ASSERT_EQ(resident.size(), 625U);
  const double early = *std::max_element(resident.begin() + 5, resident.begin() + 20);  // items 80 to 320
  const double late = *std::max_element(resident.begin() + 20, resident.end());
  std::printf("10000 items of 64 x 64, adjoint: resident %.0f MiB at item 100, %.0f at most later; %s\n", resident[6],
              late, last["profile"].dump().c_str());
  // The items alone are 156 MiB; ids and figures, all that may grow, are less than 4.
  EXPECT_LT(late, early + 8);
}

/// Processor time of the children that have ended, in seconds.
double children_cpu() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST_F(SlowBatch, TwoRanksDoTheWorkOfOneInHalfTheTimeAndTheEngineCostsLittle) {
  if (!has_mpirun()) GTEST_SKIP() << "no mpirun here; apt-get install openmpi-bin";
  write_items("m.h5", 64, {}, 64);
  write("batch.yaml", "input: m.h5\nsolver: {type: diffpir, steps: 30}\nbatch: {size: 2}\noutput: {path: out.h5}\n");
  nlohmann::json profile;
  const auto timed = [&](int ranks) {
    const double cpu = children_cpu();
    const auto start = std::chrono::steady_clock::now();
    const Outputs got = shell(mpirun(ranks, command(fmt::format("--set output.path=e{}.h5", ranks))));
    EXPECT_EQ(got.exit_code, 0) << got.err;
    for (const auto& event : events_of(got)) {
      if (event["event"] == "end" && event["rank"] == 0) profile = event["profile"];
    }
    return std::pair{std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
                     children_cpu() - cpu};
  };
  const auto [wall_1, cpu_1] = timed(1);
  const double solving =
      profile["network"].get<double>() + profile["operator"].get<double>() + profile["solver"].get<double>();
  const double overhead = 1 - solving / profile["total"].get<double>();
  std::printf("engine beyond the solver: %.2f %%; %s\n", 100 * overhead, profile.dump().c_str());
  EXPECT_LT(overhead, 0.05);
  const auto [wall_2, cpu_2] = timed(2);
  std::printf(
      "1 rank: %.1f s wall, %.1f s cpu; 2 ranks: %.1f s wall, %.1f s cpu; wall efficiency %.2f, work ratio %.2f\n",
      wall_1, cpu_1, wall_2, cpu_2, wall_1 / (2 * wall_2), cpu_1 / cpu_2);
  // On a machine that is busy otherwise the wall time says nothing; the work of both ranks must be that of one.
  EXPECT_GT(cpu_1 / cpu_2, 0.8);
}

}  // namespace
}  // namespace recon
