#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/image_geometry.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// Whether a file is DICOM of PS3.10 (DICM at byte 128).
bool is_dicom(const std::string& path);
/// Whether a folder has such files in it.
bool is_dicom_folder(const std::string& path);

/// The frames of one DICOM file, or of a folder with the files of one series: grey values after RescaleSlope and
/// RescaleIntercept (of each frame where they differ), MONOCHROME1 turned round so that white is the largest value.
///
/// Standard: DICOM PS3.3 (C.7.6.3 image pixel, C.7.6.16 multi-frame), PS3.5, PS3.10. An own reader: Debian's DCMTK and
/// GDCM bring 20 and more libraries into every start of the program, and of them this is a bounded part. Pixels of 8,
/// 16 and 32 bits, signed or not, float and double; explicit VR in both byte orders and implicit VR. Throws Error(data)
/// for damage, colours, compressed pixels (saying what unpacks them), lookup tables, more than one series in a folder.
class DicomImages {
 public:
  /// `series`: SeriesInstanceUID, SeriesNumber or SeriesDescription of the one that is meant in a folder; empty: the
  /// only one. Files in it that hold no image (DICOMDIR) are passed over.
  static DicomImages open(const std::string& path, const std::string& series = {});

  std::int64_t count() const { return static_cast<std::int64_t>(frames_.size()); }
  Shape size() const { return size_; }         ///< [H, W]
  std::vector<std::string> ids() const;        ///< the frame's number; of a folder the file's name (_FRAME)
  at::Tensor frame(std::int64_t index) const;  ///< [H, W] float64
  const std::string& modality() const { return modality_; }  ///< "CT", "MR", ...
  bool hounsfield() const { return hounsfield_; }            ///< values are in Hounsfield units: -1000 air, 0 water
  /// Slices in the order of their place along the normal where the files say it, else of their numbers.
  const std::optional<ImageGeometry>& geometry() const { return geometry_; }

 private:
  struct Frame {
    std::string path;
    std::int64_t number = 0;  ///< in its file
    std::int64_t frames = 1;  ///< of its file
    double slope = 1, intercept = 0;
    std::optional<std::array<double, 3>> position = {};     ///< of its first pixel, in mm to the left, back and up
    std::optional<std::array<double, 6>> orientation = {};  ///< directions along a row and along a column
    std::array<double, 2> spacing_mm = {0, 0};              ///< of rows, of columns; 0: not said
    double thickness_mm = 0;
    std::int64_t instance = 0;
  };
  struct SeriesFile;
  static std::optional<SeriesFile> read_header(const std::string& path);
  static std::vector<SeriesFile> files_of_folder(const std::string& folder, const std::string& series);
  void place();

  std::vector<Frame> frames_;
  Shape size_;
  std::string modality_;
  bool hounsfield_ = false, folder_ = false;
  std::optional<ImageGeometry> geometry_;
};

}  // namespace recon
