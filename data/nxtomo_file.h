#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "recon/core/tensor_spec.h"

namespace recon {

/// How a scan is to be understood where its file does not say it.
struct NxTomoOptions {
  std::string entry = {};        ///< path of the group with instrument and sample; empty: the only one
  double counts_per_photon = 0;  ///< 0: measured on the flat fields, or 1 where there is one only
  std::optional<double> axis_offset_px =
      {};  ///< of the rotation axis from the middle; none: the file's, or by the data
};

/// A scan of parallel beams in an HDF5 file of the NeXus application definition NXtomo
/// (https://manual.nexusformat.org/classes/applications/NXtomo.html):
///
///     ENTRY/instrument/DETECTOR/data       counts [frame, y, x] (or ENTRY/data/data)
///     ENTRY/instrument/DETECTOR/image_key  [frame]: 0 projection, 1 flat field, 2 dark field, others are left out
///     ENTRY/sample/rotation_angle          [frame], degrees or what its `units` say
///     ENTRY/instrument/DETECTOR/x_pixel_size, y_pixel_size, x_rotation_axis_pixel_position: may be missing
///
/// An item is a detector row: line integrals y = -ln((P - D) / (F - D)) over the size of a pixel in mm (so that images
/// are attenuation per mm; per pixel where the size is not said). D is the mean dark field, F the mean of the flat
/// fields taken at one time, interpolated between the times before and after a projection.
///
/// Standard deviations follow from the counts: with g counts a photon makes and the spread r of the dark fields,
/// var y = (g (P - D) + r²) / (P - D)² + (g (F - D) + r²) / (n (F - D)²). Where P or F is not above D, nothing was
/// measured: the deviation is infinite. g is measured on the flat fields: the variance between them, each brought to
/// one brightness, over their mean ("photon transfer", Janesick 2007, ch. 5).
///
/// The rotation axis is what the file says. Its convention differs between writers: pixels from the left edge, or from
/// the middle. Views half a turn apart mirror each other about the axis: the reading that fits them better is taken,
/// and where the file says nothing the axis that fits best.
class NxTomoFile {
 public:
  /// Throws Error(data) for damage, no flat field, sizes that do not go together, several scans and no `entry`.
  static NxTomoFile open(const std::string& path, const NxTomoOptions& options = {});

  std::int64_t rows() const;
  std::int64_t bins() const;
  const at::Tensor& angles_deg() const;    ///< [views], float64
  double axis_offset_px() const;           ///< from the middle of the detector, to the right
  const std::string& axis_source() const;  ///< who says it: "file", "file (from the left edge)", "data", "nobody"
  std::optional<std::array<double, 2>> pixel_mm() const;  ///< along x and y; none: not said
  double counts_per_photon() const;
  std::array<std::int64_t, 2> fields() const;  ///< numbers of flat and of dark fields

  at::Tensor sinogram(std::int64_t row) const;  ///< [views, bins] float32; NaN where nothing was measured
  at::Tensor std_map(std::int64_t row) const;   ///< likewise; infinite where nothing was measured

 private:
  struct Scan;
  explicit NxTomoFile(std::shared_ptr<Scan> scan) : scan_(std::move(scan)) {}
  std::shared_ptr<Scan> scan_;
};

/// Whether a file is HDF5 with a scan as above.
bool is_nxtomo(const std::string& path);

}  // namespace recon
