#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "operators/kernels/fan_view.h"
#include "operators/kernels/gridding_kernel.h"
#include "operators/kernels/parallel_view.h"
#include "operators/kernels/projection_kernel.h"

// One launch each of the kernels of CudaOperatorKernels; pointers are of the device. operator_kernels.h has the shapes.
namespace recon {

/// Real: float or double.
template <class Real>
void interpolate_on_cuda(std::int64_t width, const gridding::SortedSamples<Real>& sorted, std::int64_t grid_count,
                         const Real* grids, Real* samples, cudaStream_t stream);
template <class Real>
void gather_on_cuda(std::int64_t width, const gridding::SortedSamples<Real>& sorted, std::int64_t grid_count,
                    const Real* samples, Real* grids, cudaStream_t stream);

/// View: ParallelView or FanView; T: float or double.
template <class View, class T>
void project_on_cuda(const View* views, const projection::Planes& planes, const T* x, T* y, cudaStream_t stream);
template <class View, class T>
void back_project_on_cuda(const View* views, const projection::Planes& planes, const T* y, T* x, cudaStream_t stream);

}  // namespace recon
