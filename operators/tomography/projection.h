#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "recon/core/tensor_spec.h"

namespace recon {

// Projection and back-projection by views that know their weights. A `View` has
//     template <class Visit> void for_each_bin(row, column, bins, Visit visit) const;
// which calls visit(bin, weight) for the bins that a pixel is seen by. Both directions visit the pixels with the same
// weights, so that the adjoint is exact up to the order of the sum. On the CPU, sums in double precision; a projection
// sums within one view and a back-projection within one image row, so results depend on neither batch nor thread count.

/// Of the image in pixels, and of the detector.
struct ProjectionSize {
  std::int64_t height = 0, width = 0, bins = 0;
};

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

/// `x` [..., *before] as planes to `after`, by `fill(planes of x, planes of the result)`.
template <class Fill>
at::Tensor planes_mapped(const at::Tensor& x, std::pair<std::int64_t, std::int64_t> after, Fill fill) {
  const at::Tensor in = resolved(x.cpu()).view({-1, x.size(-2), x.size(-1)});
  const at::Tensor out = at::empty({in.size(0), after.first, after.second}, in.options());
  fill(in, out);
  Shape shape(x.sizes().begin(), x.sizes().end() - 2);
  shape.insert(shape.end(), {after.first, after.second});
  return out.view(shape).to(x.device());
}

/// [..., height, width] -> [..., views, bins].
template <class View>
at::Tensor project_by(const std::vector<View>& views, const ProjectionSize& size, const at::Tensor& x) {
  return planes_mapped(x, {std::ssize(views), size.bins}, [&](const at::Tensor& in, const at::Tensor& out) {
    in.scalar_type() == at::kDouble ? project_planes<double>(views, size, in, out)
                                    : project_planes<float>(views, size, in, out);
  });
}

/// The transpose: [..., views, bins] -> [..., height, width].
template <class View>
at::Tensor back_project_by(const std::vector<View>& views, const ProjectionSize& size, const at::Tensor& y) {
  return planes_mapped(y, {size.height, size.width}, [&](const at::Tensor& in, const at::Tensor& out) {
    in.scalar_type() == at::kDouble ? back_project_planes<double>(views, size, in, out)
                                    : back_project_planes<float>(views, size, in, out);
  });
}

}  // namespace recon
