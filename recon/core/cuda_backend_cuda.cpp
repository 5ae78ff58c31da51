// Host side of the shared library recon_cuda: sees ATen and the CUDA runtime, but no kernel (those are in the files
// *_cuda.cu, which see no ATen).
#include <ATen/ATen.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <map>
#include <mutex>

#include "recon/core/cuda_backend.h"
#include "recon/core/cuda_capability.h"
#include "recon/core/cuda_operator_kernels.h"
#include "recon/core/error.h"
#include "recon/core/philox_cuda.h"

namespace recon {
namespace {

void check(cudaError_t status, const char* call) {
  if (status != cudaSuccess) throw internal_error(call, "CUDA error: {}", cudaGetErrorString(status));
}

/// An event in the current stream.
class Moment final : public DeviceMoment {
 public:
  explicit Moment(int index) {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
    check(cudaEventCreate(&event_), "cudaEventCreate");
    check(cudaEventRecord(event_, c10::cuda::getCurrentCUDAStream().stream()), "cudaEventRecord");
  }
  ~Moment() override { cudaEventDestroy(event_); }
  Moment(const Moment&) = delete;
  Moment& operator=(const Moment&) = delete;

  double seconds_since(const DeviceMoment& earlier) const override {
    constexpr double seconds_per_ms = 1e-3;
    float ms = 0;
    check(cudaEventSynchronize(event_), "cudaEventSynchronize");
    check(cudaEventElapsedTime(&ms, dynamic_cast<const Moment&>(earlier).event_, event_), "cudaEventElapsedTime");
    return ms * seconds_per_ms;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Graphs are recorded in this stream: a backward pass runs in that of its forward pass, which another graph records.
c10::cuda::CUDAStream recording_stream(int index) {
  static std::map<int, c10::cuda::CUDAStream> streams;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const auto device = static_cast<c10::DeviceIndex>(index);
  return streams.try_emplace(index, c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)).first->second;
}

/// A CUDA graph, whose memory is a pool of its own.
class Graph final : public DeviceGraph {
 public:
  Graph(int index, const std::function<void()>& work) : index_(index) {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
    // What is under way in other streams was not recorded, and freed blocks would lie beside the pool unused.
    c10::cuda::device_synchronize();
    c10::cuda::CUDACachingAllocator::emptyCache();
    const c10::cuda::CUDAStreamGuard stream(recording_stream(index));
    graph_.capture_begin();
    try {
      work();
    } catch (...) {
      give_up();
      throw;
    }
    graph_.capture_end();
  }

  void replay() const override {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index_));
    graph_.replay();
  }

 private:
  /// Ends a recording that failed: CUDA refuses it again here, which says nothing new.
  void give_up() {
    try {
      graph_.capture_end();
    } catch (const c10::Error&) {
      cudaGetLastError();
    }
  }

  int index_;
  mutable at::cuda::CUDAGraph graph_;
};

class Backend final : public DeviceBackend {
 public:
  int device_count() const override { return c10::cuda::device_count(); }

  std::string device_name(int index) const override {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
    return properties.name;
  }

  std::string refusal(int index) const override {
    return why_not_capable(capability(index), cuda_architectures_from(RECON_CUDA_ARCHITECTURES));
  }

  int capability(int index) const override {
    int major = 0, minor = 0;
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, index), "cudaDeviceGetAttribute");
    check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, index), "cudaDeviceGetAttribute");
    return 10 * major + minor;
  }

  void fill_normal(const at::Tensor& out, const std::vector<std::uint64_t>& keys, std::uint32_t step) const override {
    if (!out.is_contiguous()) throw internal_error("DeviceBackend::fill_normal", "expected contiguous memory");
    const c10::cuda::CUDAGuard guard(out.device());
    cudaStream_t stream = c10::cuda::getCurrentCUDAStream(out.device().index()).stream();
    if (out.scalar_type() == at::kDouble) {
      philox_normal(out.data_ptr<double>(), out[0].numel(), keys, step, stream);
    } else {
      philox_normal(out.data_ptr<float>(), out[0].numel(), keys, step, stream);
    }
    check(cudaGetLastError(), "philox_normal");
  }

  std::int64_t peak_bytes(int index) const override {
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
    return stats.allocated_bytes[0].peak;
  }

  std::int64_t free_bytes(int index) const override {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
    std::size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    // What the allocator keeps for later is taken in the eyes of the driver.
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
    return static_cast<std::int64_t>(free) + stats.reserved_bytes[0].current - stats.allocated_bytes[0].current;
  }

  void reset_peak(int index) const override {
    c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(index));
  }

  std::unique_ptr<DeviceMoment> moment(int index) const override { return std::make_unique<Moment>(index); }

  const OperatorKernels& operator_kernels() const override { return cuda_operator_kernels(); }

  std::unique_ptr<DeviceGraph> captured(int index, const std::function<void()>& work) const override {
    return std::make_unique<Graph>(index, work);
  }
};

}  // namespace
}  // namespace recon

extern "C" const recon::DeviceBackend* recon_cuda_backend() {
  static const recon::Backend backend;
  return &backend;
}
