#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "operators/kernels/fan_view.h"
#include "operators/kernels/operator_kernels.h"
#include "recon/core/device.h"
#include "recon/core/device_constant.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// Projection and back-projection by views that know their weights (ParallelView, FanView). Both directions visit the
/// pixels with the same weights, so that the adjoint is exact up to the order of the sum. Sums are in double precision.
/// On the CPU a projection sums within one view and a back-projection within one image row, so results depend on
/// neither batch nor thread count; devices compute entry by entry (projection_kernel.h).

template <class T, class View>
void project_planes(const std::vector<View>& views, const ProjectionSize& size, const at::Tensor& x,
                    const at::Tensor& y) {
  const std::int64_t planes = x.size(0), pixels = size.height * size.width, bins = size.bins;
  const auto angles = std::ssize(views);
  const T* in = x.const_data_ptr<T>();
  T* out = y.data_ptr<T>();
  at::parallel_for(0, angles, 1, [&](std::int64_t first, std::int64_t last) {
    std::vector<double> sums(static_cast<std::size_t>(planes * bins));
    for (std::int64_t a = first; a < last; ++a) {
      std::fill(sums.begin(), sums.end(), 0);
      double* sum = sums.data();
      for (std::int64_t row = 0, p = 0; row < size.height; ++row) {
        for (std::int64_t column = 0; column < size.width; ++column, ++p) {
          views[static_cast<std::size_t>(a)].for_each_bin(row, column, bins, [&](std::int64_t j, double weight) {
            for (std::int64_t k = 0; k < planes; ++k) sum[k * bins + j] += weight * in[k * pixels + p];
          });
        }
      }
      for (std::int64_t k = 0; k < planes; ++k) {
        for (std::int64_t j = 0; j < bins; ++j) out[(k * angles + a) * bins + j] = static_cast<T>(sum[k * bins + j]);
      }
    }
  });
}

template <class T, class View>
void back_project_planes(const std::vector<View>& views, const ProjectionSize& size, const at::Tensor& y,
                         const at::Tensor& x) {
  const std::int64_t planes = x.size(0), width = size.width, height = size.height, bins = size.bins;
  const auto angles = std::ssize(views);
  const T* in = y.const_data_ptr<T>();
  T* out = x.data_ptr<T>();
  at::parallel_for(0, height, 1, [&](std::int64_t first, std::int64_t last) {
    std::vector<double> sums(static_cast<std::size_t>(planes * width));
    for (std::int64_t row = first; row < last; ++row) {
      std::fill(sums.begin(), sums.end(), 0);
      double* sum = sums.data();
      for (std::int64_t a = 0; a < angles; ++a) {
        for (std::int64_t column = 0; column < width; ++column) {
          views[static_cast<std::size_t>(a)].for_each_bin(row, column, bins, [&](std::int64_t j, double weight) {
            for (std::int64_t k = 0; k < planes; ++k) {
              sum[k * width + column] += weight * in[(k * angles + a) * bins + j];
            }
          });
        }
      }
      for (std::int64_t k = 0; k < planes; ++k) {
        for (std::int64_t c = 0; c < width; ++c)
          out[(k * height + row) * width + c] = static_cast<T>(sum[k * width + c]);
      }
    }
  });
}

/// The views of a projector.
template <class View>
class Views {
 public:
  Views(std::vector<View> views, const ProjectionSize& size)
      : views_(std::move(views)),
        size_(size),
        table_(at::from_blob(views_.data(), {count(), sizeof(View) / sizeof(double)}, at::kDouble)) {  // is copied
    static_assert(std::is_trivially_copyable_v<View> && sizeof(View) % sizeof(double) == 0);
  }

  /// [..., height, width] -> [..., views, bins].
  at::Tensor project(const at::Tensor& x) const {
    return planes_mapped(x, count(), size_.bins, [&](const at::Tensor& in, const at::Tensor& out) {
      if (!in.is_cpu()) return device_backend(in.device()).operator_kernels().project(table_on(in), in, out);
      in.scalar_type() == at::kDouble ? project_planes<double>(views_, size_, in, out)
                                      : project_planes<float>(views_, size_, in, out);
    });
  }

  /// The transpose: [..., views, bins] -> [..., height, width].
  at::Tensor back_project(const at::Tensor& y) const {
    return planes_mapped(y, size_.height, size_.width, [&](const at::Tensor& in, const at::Tensor& out) {
      if (!in.is_cpu()) return device_backend(in.device()).operator_kernels().back_project(table_on(in), in, out);
      in.scalar_type() == at::kDouble ? back_project_planes<double>(views_, size_, in, out)
                                      : back_project_planes<float>(views_, size_, in, out);
    });
  }

 private:
  std::int64_t count() const { return std::ssize(views_); }

  /// As planes to planes, by `fill(planes of x, planes of the result)`.
  template <class Fill>
  static at::Tensor planes_mapped(const at::Tensor& x, std::int64_t rows, std::int64_t columns, const Fill& fill) {
    const at::Tensor in = resolved(x).view({-1, x.size(-2), x.size(-1)});
    const at::Tensor out = at::empty({in.size(0), rows, columns}, in.options());
    fill(in, out);
    Shape shape(x.sizes().begin(), x.sizes().end() - 2);
    shape.insert(shape.end(), {rows, columns});
    return out.view(shape);
  }

  ProjectionTable table_on(const at::Tensor& in) const {
    return {.views = table_.like(at::empty({}, in.options().dtype(at::kDouble))),
            .fan = std::is_same_v<View, FanView>,
            .size = size_};
  }

  std::vector<View> views_;
  ProjectionSize size_;
  DeviceConstant table_;
};

}  // namespace recon
