#include <algorithm>

#include "recon/core/philox.h"
#include "recon/core/philox_cuda.h"

namespace recon {
namespace {

constexpr int threads_per_block = 256;
constexpr std::size_t keys_per_launch = 256;

/// Passed by value: the parameters of a kernel may be 4 KB.
struct Keys {
  std::uint64_t value[keys_per_launch];
};

template <class T>
__global__ void normal_kernel(T* out, std::int64_t count, Keys keys, std::uint32_t step) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  out[blockIdx.y * count + i] =
      static_cast<T>(philox::normal(keys.value[blockIdx.y], step, static_cast<std::uint64_t>(i)));
}

template <class T>
void launch(T* out, std::int64_t count, const std::vector<std::uint64_t>& keys, std::uint32_t step,
            cudaStream_t stream) {
  const auto blocks = static_cast<unsigned>((count + threads_per_block - 1) / threads_per_block);
  if (blocks == 0) return;
  for (std::size_t first = 0; first < keys.size(); first += keys_per_launch) {
    Keys some{};
    const std::size_t rows = std::min(keys_per_launch, keys.size() - first);
    std::copy_n(keys.begin() + static_cast<std::ptrdiff_t>(first), rows, some.value);
    const dim3 grid(blocks, static_cast<unsigned>(rows));
    normal_kernel<<<grid, threads_per_block, 0, stream>>>(out + static_cast<std::int64_t>(first) * count, count, some,
                                                          step);
  }
}

}  // namespace

void philox_normal(float* out, std::int64_t count, const std::vector<std::uint64_t>& keys, std::uint32_t step,
                   cudaStream_t stream) {
  launch(out, count, keys, step, stream);
}
void philox_normal(double* out, std::int64_t count, const std::vector<std::uint64_t>& keys, std::uint32_t step,
                   cudaStream_t stream) {
  launch(out, count, keys, step, stream);
}

}  // namespace recon
