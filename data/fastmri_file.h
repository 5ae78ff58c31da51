#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "data/hdf5/hdf5_file.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// A single-coil file in the layout of the fastMRI data (Zbontar et al. 2018, arXiv:1811.08839): one volume,
///
///     kspace              complex [slice, y, x], centred, y the readout (fully sampled), x the phase encoding
///     mask                [x] or [y, x], 0/1: which positions were measured; absent when the data say so
///     reconstruction_esc  or reconstruction_rss, real [slice, Y, X]: the magnitude image, cut to its centre
///     attribute max       of that image over the volume
///
/// Columns [y, all] that are exactly zero in the middle slice were not measured, whatever the mask says (scanners and
/// the undersampled files of the challenge fill up with zeros): they are taken out of the mask, and that is said.
///
/// Images are cut to the size of the reconstruction (or of `crop`) where that is exact: along an axis that is sampled
/// throughout, k-space is transformed to the image, cut to the centre and transformed back (unitary, so that white
/// noise keeps its standard deviation). Along an undersampled axis aliasing spans the whole width, and the image stays
/// uncut; the reconstruction is no ground truth for it then.
///
/// All faults are Error(data) with file and dataset; k-space of several coils is one of them, naming what to do.
class FastMriFile {
 public:
  /// `crop`: [Y, X], 0 for an axis that is to stay as it is; none: that of the reconstruction, if there is one.
  static FastMriFile open(const std::string& path, const std::optional<Shape>& crop = {});

  std::int64_t count() const { return kspace_.shape()[0]; }
  const TensorSpec& measurement() const { return measurement_; }  ///< complex [1, H, W]
  const at::Tensor& mask() const { return mask_; }                ///< 0/1 [H, W], for measurement(); all 1 without one
  bool has_ground_truth() const { return truth_.has_value(); }
  std::optional<double> brightest() const { return brightest_; }  ///< the attribute max

  at::Tensor item(std::int64_t index) const;          ///< complex64, measurement(); zero where nothing was measured
  at::Tensor ground_truth(std::int64_t index) const;  ///< float32 [1, H, W]

 private:
  explicit FastMriFile(hdf5::File file);
  void read_mask();
  void leave_out_zeros();
  Shape wanted_size(const std::optional<Shape>& crop);
  void decide_size(const std::optional<Shape>& crop);

  hdf5::File file_;
  hdf5::Dataset kspace_;
  std::optional<hdf5::Dataset> truth_;
  TensorSpec measurement_;
  at::Tensor full_mask_, mask_;  ///< [y, x] of the file; of the cut grid
  std::optional<double> brightest_;
};

}  // namespace recon
