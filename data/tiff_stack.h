#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/image_geometry.h"
#include "data/tiff_file.h"
#include "data/tiff_planes.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// Planes of microscopy in one TIFF file, by what OME-XML or ImageJ say of its pages: channels, slices along z, points
/// in time, the size of a voxel.
class TiffStack {
 public:
  /// `channel`: name or number of the one that is meant; empty: all. Throws Error(data) for damage, planes in other
  /// files, a channel that is not there.
  static TiffStack open(const std::string& path, const std::string& channel = {});

  std::int64_t count() const { return static_cast<std::int64_t>(pages_.size()); }
  const std::vector<std::string>& ids() const { return ids_; }  ///< CHANNEL_tT_zZ, without what there is one of
  const TensorSpec& spec() const { return spec_; }              ///< [samples, H, W] of a plane
  at::Tensor plane(std::int64_t index) const;                   ///< float64, as it is stored
  double full_scale() const { return full_scale_; }             ///< 2^bits - 1 of unsigned integers, 1 for others
  const std::optional<ImageGeometry>& geometry() const { return geometry_; }
  const TiffPlanes& planes() const { return planes_; }

 private:
  explicit TiffStack(const std::string& path) : path_(path), file_(path) {}

  std::string path_;
  TiffFile file_;
  TiffPlanes planes_;
  std::vector<std::int64_t> pages_;
  std::vector<std::string> ids_;
  TensorSpec spec_;
  double full_scale_ = 1;
  std::optional<ImageGeometry> geometry_;
};

/// Whether a file is TIFF and says so of its pages.
bool is_tiff_stack(const std::string& path);

}  // namespace recon
