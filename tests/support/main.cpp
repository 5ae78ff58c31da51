#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <string>

/// ctest runs several test processes at once: each has one thread, and a TMPDIR of its own (of the programs it starts,
/// too), so that no two tests meet in a file.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  at::set_num_threads(1);
  std::string folder = std::filesystem::temp_directory_path() / "recon-tests-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr || setenv("TMPDIR", folder.c_str(), 1) != 0) {
    std::perror(folder.c_str());
    return 1;
  }
  unsetenv("TEST_TMPDIR");  // gtest would prefer it
  const int result = RUN_ALL_TESTS();
  std::filesystem::remove_all(folder);
  return result;
}
