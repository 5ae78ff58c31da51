#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/image_io.h"
#include "data/measurement_file.h"

namespace recon {

/// Images to simulate measurements from, by index.
///
/// Text forms: an image file, every page of a TIFF being an image; a folder (its image files sorted by name); a pattern
/// of the shell, `pictures/*.png`; a stack of slices that `recon export` or another program wrote (`.nii`, `.cfl`,
/// `.fits`), a DICOM file or a folder of one series, values as they are; an array (`.npy`, `.npz`, `.mat`, unsigned
/// integers divided by full scale; `FILE.mat:/variable` of several); `FILE.h5:/dataset` with [H, W], [N, H, W] or [N,
/// C, H, W] (uint8 / 255, uint16 / 65535, floats and complex as they are); `phantom:shepp_logan:SIZE`.
class ImageSource {
 public:
  static ImageSource open(const std::string& text, const ImageReadOptions& options = {});

  std::int64_t count() const { return static_cast<std::int64_t>(ids_.size()); }
  const std::vector<std::string>& ids() const { return ids_; }  ///< file names without ending (_PAGE), or "0", ...
  at::Tensor image(std::int64_t index) const;                   ///< [C, H, W], float32 or as stored
  ImageRange range() const { return {0, 1}; }                   ///< [0, 1] for all integer sources
  const std::string& description() const { return description_; }

 private:
  std::vector<std::string> ids_;
  std::function<at::Tensor(std::int64_t)> read_;
  std::string description_;
};

}  // namespace recon
