#pragma once

#include <cstdint>
#include <string>

#include "operators/operator.h"
#include "recon/core/device_constant.h"
#include "recon/core/parameters.h"

namespace recon {

/// What each receive coil sees of an image: y_c = sum_s S_{s,c} x_s.
///
/// Images are [C, H, W] or volumes [C, D, H, W]; where [H, W] stands below, volumes have [D, H, W]. `maps` is complex
/// [coils, H, W] for images of one channel, else [C, coils, H, W]: channel s of the image has maps of its own (the two
/// sets of ESPIRiT's soft SENSE; Uecker et al. 2014, eq. 11). Images [C, H, W] real or complex; the range is complex
/// [coils, H, W]. With one channel A^H A is the diagonal sum_c |S_c|². Throws Error(usage) naming `location` when the
/// sizes do not fit.
LinearOperatorPtr make_coil_maps(const TensorSpec& image, const at::Tensor& maps, const std::string& location);

/// The maps [1, C, coils, H, W] of an operator of make_coil_maps() and their conjugates, shared with it.
struct SharedCoilMaps {
  DeviceConstant maps, conjugate;
};
SharedCoilMaps shared_coil_maps(const LinearOperator& coil_maps);

/// Smooth maps of `coils` coils around the image, complex128 [C, coils, H, W], with sum_c |S_{s,c}|² = 1 at each pixel.
///
/// Coil c is a line current at z_c = 1.7 exp(2 pi i c / coils), where the image spans [-1, 1]² and z = column + i row:
/// S_c is proportional to its field, 1 / (z - z_c). Set s is driven with the phases exp(2 pi i s c / coils). Volumes
/// have the same maps in every slice, [C, coils, D, H, W]: the currents run along z.
at::Tensor simulated_coil_maps(const TensorSpec& image, std::int64_t coils);

/// Where maps come from: the array `coil_maps`, else `coils` simulated ones (0, where an operator works without: none).
struct CoilMapOptions {
  at::Tensor coil_maps;
  std::int64_t coils = 8;

  void visit(ParameterVisitor& v);
  at::Tensor on(const TensorSpec& image) const { return coil_maps.defined() ? coil_maps : simulated(image); }

 private:
  at::Tensor simulated(const TensorSpec& image) const { return simulated_coil_maps(image, coils); }
};

}  // namespace recon
