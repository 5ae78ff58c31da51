#include "operators/tomography/strip_projector.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "recon/core/tensor_spec.h"

namespace recon {

StripProjector::StripProjector(ParallelBeam beam) : beam_(std::move(beam)) {
  const auto middle = [](std::int64_t n) { return 0.5 * static_cast<double>(n - 1); };
  for (const double angle : beam_.angles_rad) {
    const double wide = std::max(std::abs(std::cos(angle)), std::abs(std::sin(angle))) / beam_.bin_px;
    const double narrow = std::min(std::abs(std::cos(angle)), std::abs(std::sin(angle))) / beam_.bin_px;
    View view{};
    view.per_column = std::cos(angle) / beam_.bin_px;
    view.per_row = -std::sin(angle) / beam_.bin_px;
    view.origin = 0.5 * static_cast<double>(beam_.bins) + beam_.axis_offset_px / beam_.bin_px -
                  middle(beam_.width) * view.per_column - middle(beam_.height) * view.per_row;
    view.flat = 0.5 * (wide - narrow);
    view.outer = 0.5 * (wide + narrow);
    view.top = 1 / wide;
    view.bend = narrow > 0 ? 0.5 / (wide * narrow) : 0;
    view.density = 1 / beam_.bin_px;
    views_.push_back(view);
  }
}

/// Integral of the trapezoid of area 1 up to s, without branches: one half plus the part between 0 and |s|.
double StripProjector::View::shadow_up_to(double s) const {
  const double r = std::abs(s);
  const double flank = std::clamp(outer - r, 0.0, outer - flat);
  const double beyond = flank * flank * bend + std::max(flat - r, 0.0) * top;
  return 0.5 + std::copysign(0.5 - beyond, s);
}

template <class Visit>
void StripProjector::View::for_each_bin(std::int64_t row, std::int64_t column, std::int64_t bins, Visit visit) const {
  const double t = origin + static_cast<double>(row) * per_row + static_cast<double>(column) * per_column;
  const double last = static_cast<double>(bins - 1);
  if (t + outer <= 0 || t - outer >= last + 1) return;
  // Truncation is floor for numbers that are not negative, and no call of a function.
  const auto begin = static_cast<std::int64_t>(std::max(t - outer, 0.0));
  const auto end = static_cast<std::int64_t>(std::min(t + outer, last)) + 1;
  double before = shadow_up_to(static_cast<double>(begin) - t);
  for (std::int64_t j = begin; j < end; ++j) {
    const double after = shadow_up_to(static_cast<double>(j + 1) - t);
    visit(j, (after - before) * density);
    before = after;
  }
}

template <class T>
void StripProjector::project_planes(const at::Tensor& x, const at::Tensor& y) const {
  const std::int64_t planes = x.size(0), pixels = beam_.height * beam_.width, bins = beam_.bins;
  const auto angles = std::ssize(views_);
  const T* in = x.const_data_ptr<T>();
  T* out = y.data_ptr<T>();
  at::parallel_for(0, angles, 1, [&](std::int64_t first, std::int64_t last) {
    std::vector<double> sums(static_cast<std::size_t>(planes * bins));
    for (std::int64_t a = first; a < last; ++a) {
      std::fill(sums.begin(), sums.end(), 0);
      double* sum = sums.data();
      for (std::int64_t row = 0, p = 0; row < beam_.height; ++row) {
        for (std::int64_t column = 0; column < beam_.width; ++column, ++p) {
          views_[static_cast<std::size_t>(a)].for_each_bin(row, column, bins, [&](std::int64_t j, double weight) {
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

template <class T>
void StripProjector::back_project_planes(const at::Tensor& y, const at::Tensor& x) const {
  const std::int64_t planes = x.size(0), width = beam_.width, height = beam_.height, bins = beam_.bins;
  const auto angles = std::ssize(views_);
  const T* in = y.const_data_ptr<T>();
  T* out = x.data_ptr<T>();
  at::parallel_for(0, height, 1, [&](std::int64_t first, std::int64_t last) {
    std::vector<double> sums(static_cast<std::size_t>(planes * width));
    for (std::int64_t row = first; row < last; ++row) {
      std::fill(sums.begin(), sums.end(), 0);
      double* sum = sums.data();
      for (std::int64_t a = 0; a < angles; ++a) {
        for (std::int64_t column = 0; column < width; ++column) {
          views_[static_cast<std::size_t>(a)].for_each_bin(row, column, bins, [&](std::int64_t j, double weight) {
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

at::Tensor StripProjector::project(const at::Tensor& x) const {
  const at::Tensor in = resolved(x.cpu()).view({-1, beam_.height, beam_.width});
  const at::Tensor out = at::empty({in.size(0), std::ssize(views_), beam_.bins}, in.options());
  in.scalar_type() == at::kDouble ? project_planes<double>(in, out) : project_planes<float>(in, out);
  std::vector<std::int64_t> shape(x.sizes().begin(), x.sizes().end() - 2);
  shape.insert(shape.end(), {std::ssize(views_), beam_.bins});
  return out.view(shape).to(x.device());
}

at::Tensor StripProjector::back_project(const at::Tensor& y) const {
  const at::Tensor in = resolved(y.cpu()).view({-1, std::ssize(views_), beam_.bins});
  const at::Tensor out = at::empty({in.size(0), beam_.height, beam_.width}, in.options());
  in.scalar_type() == at::kDouble ? back_project_planes<double>(in, out) : back_project_planes<float>(in, out);
  std::vector<std::int64_t> shape(y.sizes().begin(), y.sizes().end() - 2);
  shape.insert(shape.end(), {beam_.height, beam_.width});
  return out.view(shape).to(y.device());
}

}  // namespace recon
