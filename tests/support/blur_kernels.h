#pragma once

#include "operators/blur/blur_kernel.h"

namespace recon::test {

inline BlurKernel gaussian_kernel(double std_px) {
  BlurKernel kernel;
  kernel.std_px = std_px;
  return kernel;
}

inline BlurKernel disk_kernel(double radius_px) {
  BlurKernel kernel;
  kernel.shape = KernelShape::disk;
  kernel.radius_px = radius_px;
  return kernel;
}

inline BlurKernel motion_kernel(double length_px, double angle_deg) {
  BlurKernel kernel;
  kernel.shape = KernelShape::motion;
  kernel.length_px = length_px;
  kernel.angle_deg = angle_deg;
  return kernel;
}

}  // namespace recon::test
