#include "operators/blur/blur_kernel.h"

#include <ATen/ATen.h>

#include "operators/masks.h"
#include "recon/core/error.h"
#include "recon/core/log_once.h"

namespace recon {
namespace {

/// Distances of `size` entries from the kernel's geometric centre.
at::Tensor positions(std::int64_t size) { return at::arange(size, at::kDouble) - 0.5 * static_cast<double>(size - 1); }

/// Entries needed to reach `radius` on both sides, with the wanted parity.
std::int64_t size_for(double radius, bool even) {
  return even ? 2 * static_cast<std::int64_t>(std::ceil(radius + 0.5))
              : 2 * static_cast<std::int64_t>(std::ceil(radius)) + 1;
}

at::Tensor gaussian(double std_px, std::int64_t rows, std::int64_t columns) {
  const auto profile = [&](std::int64_t size) { return (-0.5 * (positions(size) / std_px).square()).exp(); };
  return profile(rows).unsqueeze(1) * profile(columns).unsqueeze(0);
}

/// Share of each pixel that the disk covers, by 16 x 16 points per pixel.
at::Tensor disk(double radius_px, std::int64_t size) {
  constexpr std::int64_t fine = 16;
  const at::Tensor p = positions(size * fine) / static_cast<double>(fine);
  const at::Tensor inside =
      (p.square().unsqueeze(1) + p.square().unsqueeze(0) <= radius_px * radius_px).to(at::kDouble);
  return inside.view({size, fine, size, fine}).mean({1, 3});
}

/// A straight path of even speed; every point is shared between its four nearest entries.
at::Tensor motion(double length_px, double angle_deg, std::int64_t size) {
  const at::Tensor kernel = at::zeros({size, size}, at::kDouble);
  auto* values = kernel.data_ptr<double>();
  constexpr double points_per_px = 16;
  const auto points = std::max<std::int64_t>(1, std::llround(length_px * points_per_px));
  const double centre = 0.5 * static_cast<double>(size - 1);
  const double angle = angle_deg * M_PI / 180;
  for (std::int64_t i = 0; i < points; ++i) {
    const double along = length_px * ((static_cast<double>(i) + 0.5) / static_cast<double>(points) - 0.5);
    const double row = centre - along * std::sin(angle);
    const double column = centre + along * std::cos(angle);
    const auto top = static_cast<std::int64_t>(std::floor(row));
    const auto left = static_cast<std::int64_t>(std::floor(column));
    const double down = row - std::floor(row);
    const double right = column - std::floor(column);
    const auto add = [&](std::int64_t r, std::int64_t c, double weight) {
      if (weight > 0) values[r * size + c] += weight;
    };
    add(top, left, (1 - down) * (1 - right));
    add(top, left + 1, (1 - down) * right);
    add(top + 1, left, down * (1 - right));
    add(top + 1, left + 1, down * right);
  }
  return kernel;
}

}  // namespace

void BlurKernel::visit(ParameterVisitor& v) {
  v.array("kernel", kernel,
          "the point spread function [height, width], of volumes [slices, height, width]; its centre is the entry at "
          "half of each");
  if (kernel.defined()) shape = KernelShape::array;
  v.choice("shape", shape, "the kernel (array when one is given)");
  v.field("std_px", std_px, "gaussian: standard deviation in pixels", {.min = 0, .open_min = true});
  v.field("radius_px", radius_px, "disk: radius in pixels (defocus)", {.min = 0, .open_min = true});
  v.field("length_px", length_px, "motion: length of the straight path in pixels", {.min = 0, .open_min = true});
  v.field("angle_deg", angle_deg, "motion: direction, 0 along rows, anticlockwise");
  v.field("size_px", size_px, "gaussian: side of the kernel; 0 reaches 4 std, at most the image", {.min = 0});
  v.field("normalize", normalize, "array: divide the kernel by its sum; else it is kept: y = k * x");
}

void BlurKernel::visit_volume(ParameterVisitor& v) {
  v.field("std_z_px", std_z_px, "gaussian, of volumes: standard deviation along the slices; absent: std_px",
          {.min = 0, .open_min = true});
}

at::Tensor BlurKernel::on(const TensorSpec& image, const std::string& location, bool even_size) const {
  require_image(image, location);
  if (kernel.defined() != (shape == KernelShape::array)) {
    throw usage_error(location, "shape 'array' and a kernel go together: got shape '{}' and {} kernel",
                      to_string(shape), kernel.defined() ? "a" : "no");
  }
  at::Tensor values;
  if (shape == KernelShape::gaussian) {
    const auto limited = [&](std::int64_t side) {
      if (size_px > 0) return size_px;
      const std::int64_t largest = side % 2 == (even_size ? 0 : 1) ? side : side - 1;
      return std::min(size_for(4 * std_px, even_size), largest);
    };
    values = gaussian(std_px, limited(image.shape[1]), limited(image.shape[2]));
  } else if (shape == KernelShape::disk) {
    values = disk(radius_px, size_for(radius_px, even_size));
  } else if (shape == KernelShape::motion) {
    values = motion(length_px, angle_deg, size_for(0.5 * length_px + 1, even_size));
  } else {
    values = kernel.to(at::kCPU, at::kDouble);
  }
  if (values.dim() != 2 || values.numel() == 0 || values.size(0) > image.shape[1] || values.size(1) > image.shape[2]) {
    throw usage_error(location, "expected a kernel [height, width] no larger than the {} x {} image, got {}",
                      image.shape[1], image.shape[2], to_string(shape_of(values)));
  }
  return of_sum(values, location);
}

at::Tensor BlurKernel::of_sum(const at::Tensor& values, const std::string& location) const {
  if (!at::isfinite(values).all().item<bool>()) throw usage_error(location, "the kernel has NaN or infinite entries");
  const double total = values.sum().item<double>();
  if (shape == KernelShape::array && !normalize) {
    if (std::abs(total - 1) > 1e-3) {
      log::warn_once(
          fmt::format("{}: the kernel's entries sum to {:.4g} and are kept: data are {:.4g} times as bright "
                      "as the image; `normalize: true` divides them by their sum",
                      location, total, total));
    }
    return values;
  }
  if (std::abs(total) < 1e-6 * values.abs().sum().item<double>() || total == 0) {
    throw usage_error(location, "the kernel's entries sum to {:.3g}: set normalize to false for such a filter", total);
  }
  return values / total;
}

at::Tensor BlurKernel::on_volume(const TensorSpec& volume, const std::string& location) const {
  const std::int64_t slices = volume.shape[1];
  const TensorSpec slice{{volume.shape[0], volume.shape[2], volume.shape[3]}, volume.scalar};
  if (std_z_px && shape != KernelShape::gaussian) {
    throw usage_error(location, "std_z_px is of the shape gaussian, got shape '{}'", to_string(shape));
  }
  if (!kernel.defined() || kernel.dim() != 3) {
    const at::Tensor plane = on(slice, location).unsqueeze(0);
    if (shape != KernelShape::gaussian) return plane;
    const double std = std_z_px.value_or(std_px);
    const std::int64_t largest = slices % 2 == 1 ? slices : slices - 1;
    const at::Tensor offset = positions(std::min(size_px > 0 ? size_px : size_for(4 * std, false), largest));
    const at::Tensor profile = (-0.5 * (offset / std).square()).exp();
    return plane * (profile / profile.sum()).view({-1, 1, 1});
  }
  if (shape != KernelShape::array) throw usage_error(location, "shape '{}' takes no kernel", to_string(shape));
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    if (kernel.size(axis) > volume.shape[static_cast<std::size_t>(axis) + 1]) {
      throw usage_error(location, "expected a kernel [slices, height, width] no larger than the volume {}, got {}",
                        to_string(volume.shape), to_string(shape_of(kernel)));
    }
  }
  return of_sum(kernel.to(at::kCPU, at::kDouble), location);
}

void BlurKernel::require_plane(const std::string& location) const {
  if (std_z_px) throw usage_error(location, "std_z_px: expected a volume [channels, slices, height, width]");
  if (kernel.defined() && kernel.dim() == 3) {
    throw usage_error(location,
                      "expected a volume [channels, slices, height, width] for a kernel of three axes {}; an image "
                      "takes a kernel [height, width]",
                      to_string(shape_of(kernel)));
  }
}

std::string BlurKernel::describe() const {
  if (shape == KernelShape::gaussian && std_z_px)
    return fmt::format("gaussian, std {} px, {} px in z", std_px, *std_z_px);
  if (shape == KernelShape::gaussian) return fmt::format("gaussian, std {} px", std_px);
  if (shape == KernelShape::disk) return fmt::format("disk, radius {} px", radius_px);
  if (shape == KernelShape::motion) return fmt::format("motion, {} px at {} deg", length_px, angle_deg);
  return "kernel " + to_string(shape_of(kernel));
}

}  // namespace recon
