#include "recon/pipeline/solve/precision_choice.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "recon/core/cache_folder.h"
#include "recon/pipeline/batch/batch_plan.h"
#include "tests/support/faults.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

const Shape kImage = {1, 32, 32};

/// A cache of the test's own.
class PrecisionChoice : public testing::Test {
 protected:
  void SetUp() override {
    const char* const before = std::getenv("RECON_CACHE");
    before_ = before == nullptr ? "" : before;
    folder_ = test::scratch_folder();
    ::setenv("RECON_CACHE", folder_.c_str(), 1);
  }
  void TearDown() override {
    before_.empty() ? ::unsetenv("RECON_CACHE") : ::setenv("RECON_CACHE", before_.c_str(), 1);
    fs::remove_all(folder_);
  }
  std::vector<fs::path> kept() const {
    std::vector<fs::path> files;
    if (!fs::exists(folder_ / "precision")) return files;
    for (const auto& entry : fs::directory_iterator(folder_ / "precision")) files.push_back(entry.path());
    return files;
  }

  fs::path folder_;
  std::string before_;
};

TEST_F(PrecisionChoice, TakesBfloat16WhereItSavesMoreThanATenth) {
  EXPECT_EQ(faster_precision(1, 0.5), Precision::bfloat16);
  EXPECT_EQ(faster_precision(1, 0.89), Precision::bfloat16);
  EXPECT_EQ(faster_precision(1, 0.91), Precision::float32);
  EXPECT_EQ(faster_precision(1, 3), Precision::float32);
}

// One probe per machine, prior and size: what it found is what is taken from then on, whatever the clock says.
TEST_F(PrecisionChoice, IsMadeOnceAndKept) {
  choose_precision("natural_gray", kImage, c10::kCPU);
  ASSERT_EQ(kept().size(), 1U);
  for (const Precision planted : {Precision::bfloat16, Precision::float32}) {
    std::ofstream(kept().front()) << to_string(planted) << "\n";
    EXPECT_EQ(choose_precision("natural_gray", kImage, c10::kCPU), planted);
  }
  EXPECT_EQ(kept().size(), 1U);
  choose_precision("natural_gray", {1, 64, 64}, c10::kCPU);
  EXPECT_EQ(kept().size(), 2U) << "another size is another question";
  for (const auto& file : kept()) std::ofstream(file) << "float8\n";  // of another program
  choose_precision("natural_gray", kImage, c10::kCPU);
  EXPECT_EQ(kept().size(), 2U);
}

TEST_F(PrecisionChoice, OnlyAutoIsSettled) {
  nlohmann::ordered_json resolved = {{"precision", "auto"}};
  std::optional<Precision> precision = Precision::bfloat16;
  settle_precision(precision, resolved, true, "natural_gray", kImage, c10::kCPU);
  EXPECT_EQ(precision, Precision::bfloat16);
  EXPECT_EQ(resolved["precision"], "auto") << "it was not asked";
  precision = Precision::tf32;
  EXPECT_THROW(settle_precision(precision, resolved, true, "natural_gray", kImage, c10::kCPU), Error);
  precision.reset();
  settle_precision(precision, resolved, false, "natural_gray", kImage, c10::kCPU);
  EXPECT_EQ(precision, Precision::float32) << "no network, no probe";
  EXPECT_TRUE(kept().empty());
  precision.reset();
  settle_precision(precision, resolved, true, "natural_gray", kImage, c10::kCPU);
  EXPECT_EQ(resolved["precision"], to_string(precision.value()));
}

// Its ranks may run on unlike machines, and on another one when it is resumed.
TEST_F(PrecisionChoice, OfABatchIsFloat32) {
  for (const auto& [asked, taken] :
       {std::pair("auto", "float32"), {"float32", "float32"}, {"bfloat16", "bfloat16"}, {"tf32", "tf32"}}) {
    BatchPlan plan = read_batch_plan(
        Config::from_text(fmt::format("input: '{}'\nsolver: dps\nprecision: {}\noutput: {{path: b.h5}}\n",
                                      test::source_path("data/samples/photograph_blur.h5"), asked),
                          "b.yaml"),
        std::nullopt);
    open_batch_works(plan);
    EXPECT_EQ(to_string(plan.options.precision.value()), taken);
    EXPECT_EQ(plan.resolved["precision"], taken) << "what its identity is made of";
  }
  EXPECT_TRUE(kept().empty()) << "nothing was probed";
}

TEST_F(PrecisionChoice, CacheFoldersAreWhereTheEnvironmentSays) {
  EXPECT_EQ(cache_folder(), folder_);
  ::unsetenv("RECON_CACHE");
  ::setenv("XDG_CACHE_HOME", "/somewhere", 1);
  EXPECT_EQ(cache_folder(), fs::path("/somewhere/recon"));
  ::unsetenv("XDG_CACHE_HOME");
  const char* const home = std::getenv("HOME");
  const std::string kept_home = home == nullptr ? "" : home;
  ::setenv("HOME", "/home/somebody", 1);
  EXPECT_EQ(cache_folder(), fs::path("/home/somebody/.cache/recon"));
  ::setenv("HOME", kept_home.c_str(), 1);
}

}  // namespace
}  // namespace recon
