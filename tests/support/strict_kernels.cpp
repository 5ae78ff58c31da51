#include "tests/support/strict_kernels.h"

#include <ATen/ATen.h>

#include "recon/core/tensor_spec.h"
#include "tests/support/strict_dispatch.h"

namespace recon::test {
namespace {

/// All memory belongs to the device: tensors of anything else are refused, as a kernel would by an illegal address.
void require_device(const at::Tensor& tensor) {
  TORCH_CHECK(tensor.device().type() == c10::kPrivateUse1 && tensor.is_contiguous() && !tensor.is_conj(),
              "strict device: a kernel got memory that is not the device's, or not contiguous");
}

GriddingTable table_on_host(const GriddingTable& table) {
  GriddingTable host = table;
  for (at::Tensor GriddingTable::*const array :
       {&GriddingTable::first_row, &GriddingTable::first_column, &GriddingTable::number, &GriddingTable::start,
        &GriddingTable::row_weights, &GriddingTable::column_weights}) {
    require_device(host.*array);
    host.*array = on_host(host.*array);
  }
  return host;
}

ProjectionTable table_on_host(ProjectionTable table) {
  require_device(table.views);
  table.views = on_host(table.views);
  return table;
}

/// One launch of `kernel(in, out)` on the numbers of two tensors.
template <class Kernel>
void launch(const at::Tensor& in, const at::Tensor& out, const Kernel& kernel) {
  require_device(in);
  require_device(out);
  count_launch();
  const at::Tensor from = on_host(in), to = on_host(out);
  const void* const source = from.const_data_ptr();
  void* const target = to.data_ptr();
  if (real_dtype(in) == at::kDouble) {
    kernel(static_cast<const double*>(source), static_cast<double*>(target));
  } else {
    kernel(static_cast<const float*>(source), static_cast<float*>(target));
  }
}

}  // namespace

void StrictKernels::interpolate(const GriddingTable& table, const at::Tensor& grids, const at::Tensor& samples) const {
  const GriddingTable host = table_on_host(table);
  launch(grids, samples, [&]<class Real>(const Real* in, Real* out) {
    const auto sorted = host.samples<Real>();
    gridding::with_width(host.width, [&](auto width) {
      for (std::int64_t n = 0; n < host.grids_in(grids); ++n) {
        for (std::int64_t i = 0; i < sorted.at.samples; ++i) gridding::interpolate_one<width()>(sorted, n, i, in, out);
      }
    });
  });
}

void StrictKernels::spread(const GriddingTable& table, const at::Tensor& samples, const at::Tensor& grids) const {
  const GriddingTable host = table_on_host(table);
  launch(samples, grids, [&]<class Real>(const Real* in, Real* out) {
    const auto sorted = host.samples<Real>();
    gridding::with_width(host.width, [&](auto width) {
      for (std::int64_t n = 0; n < host.grids_in(grids); ++n) {
        for (std::int64_t e = 0; e < host.rows * host.columns; ++e)
          gridding::gather_one<width()>(sorted, n, e, in, out);
      }
    });
  });
}

void StrictKernels::project(const ProjectionTable& table, const at::Tensor& x, const at::Tensor& y) const {
  const projection::Planes planes = table.planes(x.size(0));
  const std::int64_t entries = y.size(1) * y.size(2);
  launch(x, y, [&]<class T>(const T* in, T* out) {
    table_on_host(table).with_views([&](const auto* views) {
      for (std::int64_t group = 0; group < planes.groups(); ++group) {
        for (std::int64_t i = 0; i < entries; ++i) projection::project_one(views, planes, group, i, in, out);
      }
    });
  });
}

void StrictKernels::back_project(const ProjectionTable& table, const at::Tensor& y, const at::Tensor& x) const {
  const projection::Planes planes = table.planes(x.size(0));
  const std::int64_t pixels = x.size(1) * x.size(2);
  launch(y, x, [&]<class T>(const T* in, T* out) {
    table_on_host(table).with_views([&](const auto* views) {
      for (std::int64_t group = 0; group < planes.groups(); ++group) {
        for (std::int64_t i = 0; i < pixels; ++i) projection::back_project_one(views, planes, group, i, in, out);
      }
    });
  });
}

}  // namespace recon::test
