// Reading never waits for computing, nor computing for reading: shown by the order of events, not by time.
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "recon/config/yaml_node.h"
#include "recon/pipeline/batch/batch_engine.h"
#include "recon/pipeline/items/input_format.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

/// Something that happens once, and can be waited for.
class Happening {
 public:
  void happens() {
    const std::lock_guard lock(mutex_);
    happened_ = true;
    condition_.notify_all();
  }
  /// False after a minute: it does not happen while this waits.
  bool awaited() {
    std::unique_lock lock(mutex_);
    return condition_.wait_for(lock, std::chrono::minutes(1), [this] { return happened_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool happened_ = false;
};

TEST(BatchOverlap, TheNextBatchIsReadWhileOneIsComputed) {
  const std::filesystem::path folder = test::scratch_folder();
  test::write_text(folder / "two.slow", "two items");
  Happening reads_second, first_is_computed;
  std::atomic<bool> begun = false;
  bool was_read_meanwhile = false, was_computed_meanwhile = false;
  InputFormat format = InputFormat::of<NoOptions>({.name = "slow", .summary = "a test"}, [&](NoOptions, auto&) {
    const auto read = [&](std::int64_t item) {
      if (begun && item == 1) {  // the reading of the second item ends after the computing of the first
        reads_second.happens();
        was_computed_meanwhile = first_is_computed.awaited();
      }
      return at::full({1, 4, 4}, static_cast<double>(item + 1), at::kFloat);
    };
    return ExternalFile{.count = 2,
                        .measurement = {{1, 4, 4}, ScalarKind::real},
                        .y = read,
                        .operator_config = "type: identity\n",
                        .noise = Noise{.type = NoiseType::gaussian, .std = {0.1}, .peak = 0},
                        .range = ImageRange{0, 3}};
  });
  format.states_operator = true;
  mutable_input_formats().add(format);
  const BatchPlan plan = read_batch_plan(
      parse_yaml(fmt::format("{{input: {{files: two.slow, format: slow}}, output: {{path: {}}}, batch: {{size: 1}}, "
                             "solver: adjoint}}",
                             (folder / "out.h5").string()),
                 {.name = "test", .folder = folder}),
      std::nullopt);
  BatchTask task;
  task.on_event = [&](const nlohmann::ordered_json& event) {
    if (event["event"] == "opened") begun = true;
    if (event["event"] == "computing" && event["batch"] == 0) was_read_meanwhile = reads_second.awaited();
    if (event["event"] == "item" && event["batch"] == 0) first_is_computed.happens();
  };
  const std::vector<BatchResult> results = run_batch(plan, task, {});
  EXPECT_TRUE(was_read_meanwhile) << "the second item is not read before the first is computed";
  EXPECT_TRUE(was_computed_meanwhile) << "the first item is not computed before the second is read";
  ASSERT_EQ(results.size(), 1U);
  EXPECT_TRUE(results[0].complete);
  EXPECT_EQ(results[0].computed, 2U);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace recon
