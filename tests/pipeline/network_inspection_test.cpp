// An exported network says what it is without a card.
#include "recon/pipeline/inspect/network_inspection.h"

#include <gtest/gtest.h>

#include "recon/core/error.h"
#include "tests/priors/exported_archives.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

TEST(NetworkInspection, AnExportedNetworkSaysWhatItTakesAndGives) {
  const Inspection found = inspect_exported_network((test::exported_record() / "model.pt2").string());
  EXPECT_TRUE(found.passed) << found.found.dump(1);
  const std::string output = found.found["output"], input = found.found["input"];
  EXPECT_NE(output.find("[1, 2, 64, 64] for an input [1, 1, 64, 64]"), std::string::npos) << output;
  EXPECT_NE(input.find(", 1, "), std::string::npos) << "one channel: " << input;
  EXPECT_GT(found.found["parameters"].get<std::int64_t>(), 0);
  EXPECT_TRUE(found.found["operators"].contains("torch.ops.aten.conv2d.default"));
  EXPECT_FALSE(found.found.contains("not_allowed"));
}

TEST(NetworkInspection, WhatIsNotAllowedIsNamedAndNothingRuns) {
  const std::filesystem::path folder = test::scratch_folder();
  test::ExportedFile file;
  file.node("torch.ops.aten.silu.default")["target"] = "torch.ops.aten.rand_like.default";
  file.write(folder / "random.pt2");
  const Inspection found = inspect_exported_network((folder / "random.pt2").string());
  EXPECT_FALSE(found.passed);
  EXPECT_EQ(found.found["not_allowed"], nlohmann::ordered_json({"torch.ops.aten.rand_like.default"}));
  EXPECT_FALSE(found.found.contains("output"));
  std::ofstream(folder / "none.pt2") << "no archive";
  test::expect_says(test::complaint([&] { inspect_exported_network((folder / "none.pt2").string()); }), {"none.pt2"});
}

}  // namespace
}  // namespace recon
