#include "recon/core/resources.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "recon/core/error.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

class Resources : public testing::Test {
 protected:
  void TearDown() override { unsetenv("RECON_DATA"); }
};

TEST_F(Resources, AreFoundRelativeToTheProgram) {
  const fs::path prior = resource("priors/natural_gray/unet/config.json");
  EXPECT_TRUE(fs::exists(prior));
  EXPECT_TRUE(fs::exists(resource("data/samples/portrait.png")));
  EXPECT_TRUE(fs::exists(resource("configs/run/quickstart.yaml")));
  const fs::path program = fs::read_symlink("/proc/self/exe");
  EXPECT_EQ(prior.string().rfind((program.parent_path().parent_path() / "share").string(), 0), 0U) << prior;
}

TEST_F(Resources, TheEnvironmentVariableComesFirst) {
  const fs::path folder = fs::temp_directory_path() / "elsewhere";
  fs::create_directories(folder / "priors");
  std::ofstream(folder / "priors/mine") << "x";
  setenv("RECON_DATA", ("/nowhere::" + folder.string()).c_str(), 1);
  EXPECT_EQ(resource("priors/mine"), folder / "priors/mine");
  EXPECT_TRUE(fs::exists(resource("priors/natural_gray"))) << "the others are still looked at";
}

TEST_F(Resources, WhatIsMissingNamesAllPlaces) {
  setenv("RECON_DATA", "/nowhere", 1);
  try {
    resource("priors/none");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    const std::string text = error.what();
    EXPECT_NE(text.find("/nowhere/priors/none, "), std::string::npos) << text;
    EXPECT_NE(text.find("/share/recon/priors/none"), std::string::npos) << text;
    EXPECT_NE(text.find("RECON_DATA"), std::string::npos) << text;
  }
}

TEST_F(Resources, ListsOfPathsAreSplitAtColons) {
  EXPECT_EQ(split_path_list(":/a::/b:"), (std::vector<std::string>{"/a", "/b"}));
  EXPECT_TRUE(split_path_list("").empty());
}

}  // namespace
}  // namespace recon
