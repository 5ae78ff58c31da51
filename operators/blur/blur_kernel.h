#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
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
  bool normalize = false;  ///< an array

  void visit(ParameterVisitor& v);

  /// The kernel as float64 [height, width]. Generated ones sum to 1; an array is kept as it is, which is said once
  /// where its sum is not 1 (to 0.1 %), unless `normalize` divides it by its sum; with `even_size` they have an even
  /// number of rows and columns and are centred between entries (what decimation by an even factor needs to cause no
  /// shift). Throws Error(usage) naming `location` for a kernel that is larger than the image, not finite or without a
  /// sum to divide by.
  at::Tensor on(const TensorSpec& image, const std::string& location, bool even_size = false) const;

  std::string describe() const;  ///< "gaussian, std 1.5 px"
};

}  // namespace recon
