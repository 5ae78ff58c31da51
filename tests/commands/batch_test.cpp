// recon batch as a user runs it: resumed, interrupted, misused, shared among processes.
#include "recon/config/yaml_node.h"
#include "tests/commands/batch_support.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

class Batch : public BatchTest {};

TEST_F(Batch, WritesOneResultWithProvenanceTableAndPicture) {
  write_items("m.h5", 5);
  write_config("m.h5", 2, "samples: 1\n");
  const std::string more = "--set output.csv=t.csv --set output.contact_sheet=s.png --set batch.maps=true";
  const Outputs got = batch(more);
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const auto events = events_of(got);
  EXPECT_EQ(count(events, "opened"), 1U);
  EXPECT_EQ(count(events, "computing"), 3U);
  EXPECT_EQ(count(events, "item"), 5U);
  EXPECT_EQ(count(events, "durable"), 3U);
  EXPECT_EQ(events.back()["event"], "end");
  EXPECT_EQ(events.back()["complete"], true);
  EXPECT_FALSE(fs::exists(path("out.h5.parts")));
  const ResultSet set = read_result_file(path("out.h5").string());
  EXPECT_EQ(set.ids, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  EXPECT_EQ(set.main.reconstructions.sizes(), (at::IntArrayRef{5, 1, 24, 24}));
  EXPECT_EQ(set.main.prior_part.sizes(), (at::IntArrayRef{5, 1, 24, 24}));
  EXPECT_TRUE(contains(set.config, "max_iterations: 20"));
  ASSERT_EQ(set.inputs.size(), 1U);
  EXPECT_TRUE(contains(set.inputs[0].hash, "sha256:"));
  EXPECT_TRUE(contains(set.inputs[0].operator_hash, "sha256:"));
  EXPECT_TRUE(set.versions.contains("git"));
  EXPECT_EQ(set.main.device, std::vector<std::string>(5, "cpu"));
  EXPECT_EQ(set.main.error, std::vector<std::string>(5, ""));
  EXPECT_EQ(set.main.metrics.at("psnr").size(), 5U);
  const std::string table = file_content(path("t.csv"));
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 6);
  EXPECT_TRUE(fs::exists(path("s.png")));
  const Outputs inspected = recon("inspect out.h5 --json");
  ASSERT_EQ(inspected.exit_code, 0) << inspected.err;
  EXPECT_EQ(inspected.json()["items"], 5);
  EXPECT_EQ(inspected.json()["inputs"][0]["hash"], set.inputs[0].hash);
  const auto again = events_of(batch(more));
  EXPECT_EQ(count(again, "computing"), 0U) << "a finished batch has nothing left to do";
  EXPECT_EQ(again.back()["complete"], true);
}

TEST_F(Batch, ItemsAreThoseOfRunWhateverTheBatchSize) {
  write_items("m.h5", 5);
  write_config();
  ASSERT_EQ(
      recon("run m.h5 --threads 1 --set 'solver={type: tv_pdhg, max_iterations: 20}' --set output=run.h5").exit_code,
      0);
  const at::Tensor alone = read_result_file(path("run.h5").string()).main.reconstructions;
  for (const int size : {1, 2, 5}) {
    const Outputs got = batch(fmt::format("--set batch.size={} --set output.path=b{}.h5", size, size));
    ASSERT_EQ(got.exit_code, 0) << got.err;
    const at::Tensor x = read_result_file(path(fmt::format("b{}.h5", size)).string()).main.reconstructions;
    // Rounding of single precision along 20 iterations: the contract is 1e-5 relative.
    EXPECT_LT((x - alone).abs().max().item<double>(), 1e-5 * alone.abs().max().item<double>()) << size;
    EXPECT_TRUE(size > 1 || at::equal(x, alone));
  }
}

TEST_F(Batch, ADiffusionSamplerDrawsTheSameWhateverTheBatchSize) {
  write_items("m.h5", 3);
  write_config("m.h5", 3, "samples: 2\n");
  const std::string dps = "--allow-misfit --set 'solver={type: dps, steps: 2}' ";
  ASSERT_EQ(batch(dps).exit_code, 0);
  ASSERT_EQ(batch(dps + "--set batch.size=1 --set output.path=one.h5").exit_code, 0);
  const SolverResults three = read_result_file(path("out.h5").string()).main;
  const SolverResults one = read_result_file(path("one.h5").string()).main;
  EXPECT_LT((three.reconstructions - one.reconstructions).abs().max().item<double>(),
            1e-5 * one.reconstructions.abs().max().item<double>());
  EXPECT_EQ(three.std.sizes(), (at::IntArrayRef{3, 1, 24, 24}));
  EXPECT_EQ(three.nfe_forward, one.nfe_forward);
  EXPECT_FALSE(at::equal(three.reconstructions[0], three.reconstructions[1]));
}

TEST_F(Batch, AFailingItemIsRecordedAndTheOthersGoOn) {
  write_items("m.h5", 5, {1, 4});
  write_config();
  const Outputs got = batch();
  EXPECT_EQ(got.exit_code, 1) << got.err;
  EXPECT_EQ(events_of(got).back()["failed"], 2);
  const ResultSet set = read_result_file(path("out.h5").string());
  EXPECT_EQ(set.main.status[1], "failed");
  EXPECT_TRUE(contains(set.main.error[1], "m.h5:/measurements item 1"));
  EXPECT_TRUE(contains(set.main.error[1], "NaN"));
  EXPECT_TRUE(set.main.reconstructions[1].isnan().all().item<bool>());
  EXPECT_TRUE(set.main.reconstructions[0].isfinite().all().item<bool>());
  EXPECT_EQ(set.main.error[0], "");
  EXPECT_TRUE(contains(recon("batch batch.yaml -q").out, "2 failed"));

  const auto retried = events_of(batch("--retry-failed"));
  EXPECT_EQ(count(retried, "computing"), 2U) << "the two batches with a failed item";
  EXPECT_EQ(retried.back()["failed"], 2);
  EXPECT_FALSE(fs::exists(path("out.h5.parts")));
  const ResultSet again = read_result_file(path("out.h5").string());
  EXPECT_EQ(again.main.error, set.main.error);
  EXPECT_TRUE(at::equal(again.main.reconstructions[2], set.main.reconstructions[2]));
}

TEST_F(Batch, RefusesToMixRunsAndSaysWhatChanged) {
  write_items("m.h5", 4);
  write_config();
  ASSERT_EQ(batch().exit_code, 0);
  const std::string before = file_content(path("out.h5"));
  expect_error("batch batch.yaml --set solver.max_iterations=21", 2,
               {"out.h5", "config.solver.max_iterations was 20, is 21", "--restart"});
  expect_error("batch batch.yaml --set batch.size=3", 2, {"config.batch.size was 2, is 3"});
  expect_error("batch batch.yaml --seed 4", 2, {"config.seed was 0, is 4"});
  EXPECT_FALSE(fs::exists(path("out.h5.parts"))) << "a refused run leaves nothing behind";
  EXPECT_TRUE(file_content(path("out.h5")) == before);
  write_items("m.h5", 4, {2});
  expect_error("batch batch.yaml", 2, {"inputs.0.hash was"});
  EXPECT_EQ(batch("--restart").exit_code, 1);
  EXPECT_FALSE(file_content(path("out.h5")) == before);
  write("other.h5", "not ours");
  expect_error("batch batch.yaml --set output.path=other.h5", 2, {"other.h5", "no batch made it"});
}

TEST_F(Batch, ManyFilesBecomeOneResult) {
  write_items("a.h5", 3);
  write_items("b.h5", 2);
  write_config("[a.h5, b.h5]");
  ASSERT_EQ(batch().exit_code, 0);
  const ResultSet set = read_result_file(path("out.h5").string());
  EXPECT_EQ(set.ids, (std::vector<std::string>{"a/0", "a/1", "a/2", "b/0", "b/1"}));
  EXPECT_EQ(set.inputs.size(), 2U);
  ASSERT_EQ(batch("--set 'items=[b/1, a/2]' --set output.path=two.h5").exit_code, 0);
  EXPECT_EQ(read_result_file(path("two.h5").string()).ids, (std::vector<std::string>{"a/2", "b/1"}));
  expect_error("batch batch.yaml --set items=nobody --set output.path=no.h5", 2, {"nobody", "a/0"});
  for (const char* name : {"cut.h5", "cut_too.h5"}) write(name, file_content(path("a.h5")).substr(0, 200));
  const std::string lacking =
      "batch batch.yaml --set 'input=[a.h5, cut.h5, b.h5, cut_too.h5]' --set output.path=no.h5 ";
  expect_error(lacking + "--set batch.on_error=stop", 3, {"2 of 4 input files", "cut.h5", "leave them out"});
  EXPECT_TRUE(contains(recon(lacking + "--set batch.on_error=stop").err, "cut_too.h5"));
  EXPECT_FALSE(fs::exists(path("no.h5")));
}

TEST_F(Batch, FilesThatCannotBeReadOrDifferAreLeftOutAndNamed) {
  write_items("a.h5", 3);
  write_items("b.h5", 2);
  write_items("wide.h5", 1, {}, 32);
  write("cut.h5", file_content(path("a.h5")).substr(0, 200));
  write_config("[wide.h5, a.h5, cut.h5, b.h5]");
  const Outputs got = batch();
  EXPECT_EQ(got.exit_code, 1) << "not all was done";
  const auto end = events_of(got).back();
  EXPECT_EQ(end["complete"], true);
  ASSERT_EQ(end["skipped"].size(), 2U);
  const ResultSet set = read_result_file(path("out.h5").string());
  EXPECT_EQ(set.ids, (std::vector<std::string>{"a/0", "a/1", "a/2", "b/0", "b/1"}));
  EXPECT_EQ(set.inputs.size(), 2U);
  ASSERT_EQ(set.skipped.size(), 2U);
  EXPECT_EQ(set.skipped[0].name, "cut");
  EXPECT_TRUE(contains(set.skipped[0].reason, "cut.h5")) << set.skipped[0].reason;
  EXPECT_EQ(set.skipped[1].name, "wide");
  EXPECT_TRUE(contains(set.skipped[1].reason, "[1, 32, 32]") && contains(set.skipped[1].reason, "[1, 24, 24]"))
      << set.skipped[1].reason;
  EXPECT_EQ(recon("inspect out.h5 --json").json()["skipped"].size(), 2U);
  EXPECT_TRUE(contains(recon("batch batch.yaml").out, "skipped: 2 files")) << "also when it is there already";
  EXPECT_EQ(recon("batch --verify out.h5 --count 2").exit_code, 0);
  expect_error("batch batch.yaml --set 'input=[a.h5, wide.h5]' --set output.path=no.h5 --set batch.on_error=stop", 2,
               {"[1, 32, 32]", "group_by_shape"});
  expect_error("batch batch.yaml --set 'input=[cut.h5]' --set output.path=no.h5", 3, {"cut.h5"});
}

TEST_F(Batch, FilesOfSeveralShapesBecomeAResultOfEach) {
  write_items("a.h5", 3);
  write_items("wide.h5", 2, {}, 32);
  write_items("b.h5", 2);
  write_config("[a.h5, wide.h5, b.h5]");
  const std::string grouped = "--set batch.group_by_shape=true --set output.csv=out.csv ";
  const Outputs got = batch(grouped);
  ASSERT_EQ(got.exit_code, 0) << got.err;
  const auto end = events_of(got).back();
  EXPECT_EQ(end["complete"], true);
  ASSERT_EQ(end["outputs"].size(), 2U);
  EXPECT_EQ(end["outputs"][0]["output"], "out_24x24.h5");
  EXPECT_EQ(end["outputs"][1]["items"], 2);
  EXPECT_EQ(read_result_file(path("out_24x24.h5").string()).ids,
            (std::vector<std::string>{"a/0", "a/1", "a/2", "b/0", "b/1"}));
  const ResultSet wide = read_result_file(path("out_32x32.h5").string());
  EXPECT_EQ(wide.ids, (std::vector<std::string>{"wide/0", "wide/1"}));
  EXPECT_TRUE(fs::exists(path("out_24x24.csv")) && fs::exists(path("out_32x32.csv")));
  EXPECT_FALSE(fs::exists(path("out.h5")));

  ASSERT_EQ(batch("--set 'input=[a.h5, b.h5]' --set output.path=alone.h5").exit_code, 0);
  EXPECT_TRUE(at::equal(read_result_file(path("alone.h5").string()).main.reconstructions,
                        read_result_file(path("out_24x24.h5").string()).main.reconstructions));
  EXPECT_EQ(recon("batch --verify out_32x32.h5").exit_code, 0);
  EXPECT_EQ(events_of(batch(grouped)).back()["outputs"][1]["computed"], 0) << "both are there already";
  ASSERT_EQ(batch(grouped + "--set 'items=[wide/1]' --set output.path=one.h5").exit_code, 0);
  EXPECT_EQ(read_result_file(path("one.h5").string()).ids, std::vector<std::string>{"wide/1"})
      << "one shape: the name of the config";
}

// The files in configs/batch/cluster, with the variables that the schedulers set.
TEST_F(Batch, TheFilesForClustersMakeTheResultOfOneRun) {
  write_items("m.h5", 5);
  write_config("m.h5", 1);
  ASSERT_EQ(batch("--set output.path=whole.h5").exit_code, 0);
  const at::Tensor whole = read_result_file(path("whole.h5").string()).main.reconstructions;
  const auto job = [&](const std::string& variables, const std::string& file) {
    return shell("PATH=\"$(dirname '" + test::program() + "'):$PATH\" " + variables + " '" +
                 test::source_path("configs/batch/cluster/" + file) + "' batch.yaml");
  };
  const std::vector<std::pair<std::string, std::string>> schedulers = {
      {"slurm.sh", "SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=2 SLURM_ARRAY_TASK_STEP=1 SLURM_ARRAY_TASK_ID="},
      {"sge.sh", "SGE_TASK_FIRST=1 SGE_TASK_LAST=2 SGE_TASK_STEPSIZE=1 SGE_TASK_ID="},
      {"pbs.sh", "N=2 PBS_ARRAY_INDEX="}};
  for (const auto& [file, variables] : schedulers) {
    for (const std::string index : {"2", "1"}) {
      const Outputs got = job(variables + index, file);
      EXPECT_EQ(got.exit_code, 0) << file << got.err;
      EXPECT_TRUE(contains(got.out, "shard " + index + "/2 is done")) << file << got.out;
    }
    EXPECT_EQ(batch("--merge").exit_code, 0) << file;
    EXPECT_TRUE(at::equal(read_result_file(path("out.h5").string()).main.reconstructions, whole)) << file;
    fs::remove(path("out.h5"));
  }
  const YamlNodePtr kubernetes = parse_yaml(file_content(test::source_path("configs/batch/cluster/kubernetes.yaml")),
                                            {.name = "job", .folder = {}});
  EXPECT_EQ(kubernetes->find("kind")->value->text, "Job");
  EXPECT_EQ(kubernetes->find("spec")->value->find("completionMode")->value->text, "Indexed");
  EXPECT_EQ(kubernetes->find("spec")->value->find("completions")->value->text, "8") << "as auto/8";
}

TEST_F(Batch, InspectShowsAScreenOfItAndAllWhenAsked) {
  write_items("m.h5", 70);
  write_config("m.h5", 35);
  ASSERT_EQ(batch("--set 'solver={type: adjoint}' --allow-misfit").exit_code, 0);
  const std::string screen = recon("inspect out.h5").out;
  EXPECT_LE(std::count(screen.begin(), screen.end(), '\n'), 24) << screen;
  EXPECT_TRUE(contains(screen, "--all") && contains(screen, "items: 70")) << screen;
  EXPECT_FALSE(contains(screen, "config:"));
  const auto brief = recon("inspect out.h5 --json").json();
  EXPECT_EQ(brief["main"]["chi2"]["items"], 70);
  EXPECT_TRUE(brief.contains("config")) << "for programs everything but the items";
  const auto all = recon("inspect out.h5 --all --json").json();
  EXPECT_EQ(all["main"]["chi2"].size(), 70U);
  EXPECT_EQ(all["ids"].size(), 70U);
  EXPECT_TRUE(contains(recon("inspect out.h5 --all").out, "config:"));
}

TEST_F(Batch, FilesOfOneOperatorShareBatches) {
  write_items("whole.h5", 5);
  write_config("whole.h5", 4);
  ASSERT_EQ(batch("--set output.path=whole_out.h5").exit_code, 0);
  const auto whole = MeasurementFile::open(path("whole.h5").string());
  const auto write_some = [&](const std::string& name, std::int64_t first, std::int64_t count, bool sees_all = false) {
    MeasurementSet some;
    some.header = whole.header();
    std::vector<at::Tensor> y;
    for (std::int64_t i = first; i < first + count; ++i) {
      y.push_back(whole.item(i).y);
      some.ids.push_back(whole.ids()[static_cast<std::size_t>(i)]);
    }
    some.y = at::stack(y);
    at::Tensor& mask = some.header.operator_arrays["mask"];
    if (sees_all) mask = at::ones_like(mask);
    write_measurement_file(path(name).string(), some);
  };
  for (std::int64_t i = 0; i < 5; ++i) write_some(fmt::format("p{}.h5", i), i, 1);
  write_some("q.h5", 0, 2, true);
  const Outputs got = batch("--set 'input=[\"p?.h5\", q.h5]'");
  ASSERT_EQ(got.exit_code, 0) << got.err;
  std::vector<std::vector<std::string>> batches;
  for (const auto& event : events_of(got)) {
    if (event["event"] == "computing") batches.push_back(event["items"]);
  }
  EXPECT_EQ(batches,
            (std::vector<std::vector<std::string>>{{"p0/0", "p1/1", "p2/2", "p3/3"}, {"p4/4"}, {"q/0", "q/1"}}));
  const at::Tensor apart = read_result_file(path("out.h5").string()).main.reconstructions;
  const at::Tensor together = read_result_file(path("whole_out.h5").string()).main.reconstructions;
  EXPECT_TRUE(at::equal(apart.narrow(0, 0, 5), together)) << "the same batches, so the same bits";
}

TEST_F(Batch, ShardsAndMergeGiveTheSameFile) {
  write_items("m.h5", 7, {3});
  write_config();
  ASSERT_EQ(batch("--set output.path=whole.h5").exit_code, 1);
  const Outputs first = batch("--shard 1/3");
  EXPECT_EQ(first.exit_code, 0) << first.err;
  expect_error("batch batch.yaml --merge", 2, {"2 of 4 batches are still to be computed"});
  EXPECT_EQ(batch("--shard 2/3").exit_code, 1) << "it has the item that fails";
  EXPECT_EQ(batch("--shard 3/3").exit_code, 0);
  EXPECT_FALSE(fs::exists(path("out.h5")));
  const Outputs merged = batch("--merge");
  EXPECT_EQ(merged.exit_code, 1) << "one item failed";
  EXPECT_EQ(count(events_of(merged), "computing"), 0U);
  EXPECT_TRUE(same_results(path("out.h5"), path("whole.h5")));
  expect_error("batch batch.yaml --shard 4/3", 2, {"4/3", "2/3"});
  expect_error("batch batch.yaml --shard 1/3 --restart", 2, {"--restart", "--shard"});
}

TEST_F(Batch, ControlCFinishesTheBatchAndTheSameCommandGoesOn) {
  write_items("m.h5", 12);
  write_config();
  ASSERT_EQ(batch("--set output.path=whole.h5").exit_code, 0);
  for (const int number : {SIGTERM, SIGINT}) {
    Watched run(command(
        "--restart --set solver.max_iterations=4000 --set solver.tolerance=1e-12 --set output.path=stopped.h5"));
    ASSERT_TRUE(run.until([](const auto& event) { return event["event"] == "computing"; }));
    run.signal_all(number);
    std::size_t computing = 1, durable = 0;
    nlohmann::json last;
    while (const auto event = run.next()) {
      computing += (*event)["event"] == "computing" ? 1U : 0U;
      durable += (*event)["event"] == "durable" ? 1U : 0U;
      last = *event;
    }
    EXPECT_EQ(run.wait(), 1);
    EXPECT_EQ(computing, durable) << "what was begun was finished";
    EXPECT_LT(durable, 6U);
    EXPECT_EQ(last["event"], "end");
    EXPECT_EQ(last["interrupted"], true);
    EXPECT_EQ(parts("stopped.h5").size(), durable);
  }
}

TEST_F(Batch, TwoProcessesShareTheWorkAndOneMayDie) {
  write_items("m.h5", 12);
  write_config("m.h5", 1);
  const std::string slow = "--set solver.max_iterations=6000 --set solver.tolerance=1e-12 ";
  ASSERT_EQ(batch(slow + "--set output.path=whole.h5").exit_code, 0);
  Watched first(command(slow));
  ASSERT_TRUE(first.until([](const auto& event) { return event["event"] == "durable"; }));
  const auto durable = parts();
  EXPECT_GE(durable.size(), 1U);
  Watched second(command(slow));
  std::set<std::size_t> computed;
  while (const auto event = second.next()) {
    if ((*event)["event"] != "computing") continue;
    if (computed.empty()) first.signal_all(SIGKILL);  // both are at work
    EXPECT_TRUE(computed.insert((*event)["batch"].get<std::size_t>()).second);
  }
  EXPECT_EQ(second.wait(), 0);
  EXPECT_EQ(first.wait(), 128 + SIGKILL);
  EXPECT_FALSE(computed.empty());
  for (const std::size_t batch : durable) EXPECT_FALSE(computed.contains(batch)) << "computed again: " << batch;
  EXPECT_TRUE(same_results(path("out.h5"), path("whole.h5")));
}

TEST_F(Batch, VerifyComputesItemsAgain) {
  write_items("m.h5", 6, {4});
  write_config();
  ASSERT_EQ(batch().exit_code, 1);
  const Outputs got = recon("batch --verify out.h5 --count 6 --threads 1 --json");
  ASSERT_EQ(got.exit_code, 0) << got.err << got.out;
  const auto report = got.json();
  EXPECT_EQ(report["items"].size(), 6U);
  for (const auto& item : report["items"]) EXPECT_EQ(item["same_bits"], true) << item;
  {
    // A pixel of one item is changed behind the program's back.
    ResultSet set = read_result_file(path("out.h5").string());
    set.main.reconstructions[2][0][3][3] += 0.1;
    write_result_file(path("forged.h5").string(), set);
  }
  const Outputs forged = recon("batch --verify forged.h5 --count 6 --threads 1 --json");
  EXPECT_EQ(forged.exit_code, 1);
  EXPECT_GT(forged.json()["largest_difference"].get<double>(), 0.01);
  fs::rename(path("m.h5"), path("moved.h5"));
  EXPECT_EQ(recon("batch --verify out.h5 -q").exit_code, 3) << "the input is not where it was";
  EXPECT_EQ(recon("batch --verify out.h5 -q --set input=moved.h5 --count 1").exit_code, 0);
  write_items("m.h5", 6);
  expect_error("batch --verify out.h5", 3, {"out.h5", "made from something else", "inputs.0.hash"});
}

TEST_F(Batch, SaysWhatIsWrong) {
  write_items("m.h5", 2);
  write_config();
  expect_error("batch", 2, {"CONFIG"});
  expect_error("batch nowhere.yaml", 2, {"nowhere.yaml"});
  expect_error("batch batch.yaml --set batch.sise=3", 2, {"sise", "size"});
  expect_error("batch batch.yaml --set output=x.h5", 2, {"output", "section"});
  expect_error("batch batch.yaml --set input=nowhere.h5", 3, {"nowhere.h5"});
  expect_error("batch batch.yaml --set output.path=nowhere/out.h5", 3, {"nowhere", "create the folder"});
  expect_error("batch batch.yaml --set 'solver={type: ddrm}' --set prior=nobody", 2, {"nobody"});
  expect_error("batch --verify m.h5", 3, {"m.h5"});
}

}  // namespace
}  // namespace recon
