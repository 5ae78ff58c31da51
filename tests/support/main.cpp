#include <ATen/Parallel.h>
#include <gtest/gtest.h>

/// One thread per test process: ctest runs several at once.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  at::set_num_threads(1);
  return RUN_ALL_TESTS();
}
