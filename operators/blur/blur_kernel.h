#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "recon/core/parameters.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// The shapes of BlurKernel; array: given by the user.
enum class KernelShape { gaussian, motion, disk, array };
constexpr auto words_of(KernelShape) {
  using enum KernelShape;
  return std::to_array<Word<KernelShape>>(
      {{gaussian, "gaussian"}, {motion, "motion"}, {disk, "disk"}, {array, "array"}});
}

/// Which point spread function a blur has. The kernel's centre is the entry [height / 2, width / 2].
struct BlurKernel {
  at::Tensor kernel;
  KernelShape shape = KernelShape::gaussian;
  double std_px = 1.5;
  double radius_px = 2.5;
  double length_px = 9;
  double angle_deg = 0;
  std::int64_t size_px = 0;
  bool normalize = false;          ///< an array
  std::optional<double> std_z_px;  ///< of volumes, gaussian: along the slices; absent: as std_px

  void visit(ParameterVisitor& v);
  void visit_volume(ParameterVisitor& v);  ///< the options that only volumes have

  /// The kernel as float64 [height, width]. Generated ones sum to 1; an array is kept as it is, which is said once
  /// where its sum is not 1 (to 0.1 %), unless `normalize` divides it by its sum; with `even_size` they have an even
  /// number of rows and columns and are centred between entries (what decimation by an even factor needs to cause no
  /// shift). Throws Error(usage) naming `location` for a kernel that is larger than the image, not finite or without a
  /// sum to divide by.
  at::Tensor on(const TensorSpec& image, const std::string& location, bool even_size = false) const;

  /// The kernel of volumes [C, D, H, W] as float64 [kd, kh, kw], under the same rules: an array [kd, kh, kw] or, the
  /// same in every slice, [kh, kw]; a gaussian with `std_z_px` along the slices; motion and disk within a slice.
  at::Tensor on_volume(const TensorSpec& volume, const std::string& location) const;
  /// Throws Error(usage) where something is asked for that only volumes have.
  void require_plane(const std::string& location) const;

  std::string describe() const;  ///< "gaussian, std 1.5 px"

 private:
  /// The checks and the sum that on() speaks of.
  at::Tensor of_sum(const at::Tensor& values, const std::string& location) const;
};

}  // namespace recon
