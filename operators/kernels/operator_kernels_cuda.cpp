// Host side of the kernels of operators, of the shared library recon_cuda.
#include <ATen/ATen.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "operators/kernels/kernels_cuda.h"
#include "operators/kernels/operator_kernels.h"
#include "recon/core/cuda_operator_kernels.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// launch(in, out, stream) with the numbers of two tensors, in the current stream of their device.
template <class Launch>
void launched(const at::Tensor& in, const at::Tensor& out, const char* what, const Launch& launch) {
  if (!in.is_contiguous() || !out.is_contiguous()) throw internal_error(what, "expected contiguous memory");
  if (in.numel() == 0 || out.numel() == 0) return;
  const c10::cuda::CUDAGuard guard(in.device());
  cudaStream_t stream = c10::cuda::getCurrentCUDAStream(in.device().index()).stream();
  const void* const source = in.const_data_ptr();
  void* const target = out.data_ptr();
  if (c10::toRealValueType(in.scalar_type()) == at::kDouble) {
    launch(static_cast<const double*>(source), static_cast<double*>(target), stream);
  } else {
    launch(static_cast<const float*>(source), static_cast<float*>(target), stream);
  }
  const cudaError_t status = cudaGetLastError();
  if (status != cudaSuccess) throw internal_error(what, "CUDA error: {}", cudaGetErrorString(status));
}

class CudaOperatorKernels final : public OperatorKernels {
 public:
  void interpolate(const GriddingTable& table, const at::Tensor& grids, const at::Tensor& samples) const override {
    launched(grids, samples, "nufft", [&]<class Real>(const Real* in, Real* out, cudaStream_t stream) {
      interpolate_on_cuda(table.width, table.samples<Real>(), table.grids_in(grids), in, out, stream);
    });
  }
  void spread(const GriddingTable& table, const at::Tensor& samples, const at::Tensor& grids) const override {
    launched(samples, grids, "nufft", [&]<class Real>(const Real* in, Real* out, cudaStream_t stream) {
      gather_on_cuda(table.width, table.samples<Real>(), table.grids_in(grids), in, out, stream);
    });
  }
  void project(const ProjectionTable& table, const at::Tensor& x, const at::Tensor& y) const override {
    launched(x, y, "radon", [&](const auto* in, auto* out, cudaStream_t stream) {
      table.with_views([&](const auto* views) { project_on_cuda(views, table.planes(x.size(0)), in, out, stream); });
    });
  }
  void back_project(const ProjectionTable& table, const at::Tensor& y, const at::Tensor& x) const override {
    launched(y, x, "radon", [&](const auto* in, auto* out, cudaStream_t stream) {
      table.with_views(
          [&](const auto* views) { back_project_on_cuda(views, table.planes(x.size(0)), in, out, stream); });
    });
  }
};

}  // namespace

const OperatorKernels& cuda_operator_kernels() {
  static const CudaOperatorKernels kernels;
  return kernels;
}

}  // namespace recon
