// Which GPUs a library runs on, and what those are told that it does not.
#include "recon/core/cuda_capability.h"

#include <gtest/gtest.h>

namespace recon {
namespace {

TEST(CudaCapability, CMakesListIsRead) {
  const CudaArchitectures built = cuda_architectures_from("75-real 80-real 90 100-virtual");
  EXPECT_EQ(built.binaries, (std::vector<int>{75, 80, 90}));
  EXPECT_EQ(built.ptx, (std::vector<int>{90, 100}));
  EXPECT_EQ(cuda_architectures_from("90a-real").binaries, std::vector<int>{90});
  EXPECT_TRUE(cuda_architectures_from("").binaries.empty());
}

TEST(CudaCapability, BinariesRunWithinTheirMajorAndPtxOnAllThatIsNewer) {
  const CudaArchitectures built = cuda_architectures_from("75-real 86-real 100-virtual");
  for (const int runs : {75, 86, 87, 89, 100, 103, 120}) EXPECT_EQ(why_not_capable(runs, built), "") << runs;
  for (const int not_built : {52, 70, 72, 80, 90}) EXPECT_NE(why_not_capable(not_built, built), "") << not_built;
  EXPECT_NE(why_not_capable(90, cuda_architectures_from("75-real 80-real")), "") << "no PTX";
}

TEST(CudaCapability, TheRefusalSaysWhatWasFoundWhatIsThereAndWhatToDo) {
  EXPECT_EQ(why_not_capable(70, cuda_architectures_from("75-real 80-real 80-virtual")),
            "its compute capability is 7.0, recon_cuda is built for 7.5, 8.0, 8.0 and newer; take --device cpu, or "
            "build with -DCMAKE_CUDA_ARCHITECTURES=70 and a CUDA toolkit and LibTorch that know it");
}

}  // namespace
}  // namespace recon
