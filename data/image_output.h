#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "data/image_geometry.h"
#include "data/image_range.h"

namespace recon {

/// Images for other programs.
struct ImageOutput {
  at::Tensor images;                           ///< [N, C, H, W] or, volumes, [N, C, D, H, W]; real or complex
  std::vector<std::string> ids;                ///< of the N images, for the names of several files
  ImageRange range;                            ///< PNG: what black and white stand for
  std::optional<ImageGeometry> geometry = {};  ///< where they lie; none: not known
  std::vector<double> scale = {};  ///< per image: what its values are divided by, unless it becomes a PNG; empty: 1
};

/// The endings that write_images() knows: .png (16 bits, range clipped, magnitudes; of several images each in a file of
/// its own, NAME_ID.png), .tif and .tiff (float32 values, magnitudes; one image of three channels in colour, else
/// pages; with the size of a pixel where it is known, .ome.tif as OME-TIFF), .nii and .nii.gz (NIfTI-1, complex kept),
/// .cfl (BART, complex), .fits (float32 planes, magnitudes), .npy ([N, C, H, W] or [N, C, D, H, W], complex kept). A
/// volume is a stack of its slices (several in NIfTI: the fourth axis); it has no PNG.
const std::vector<std::string>& image_endings();
/// Whether a path ends so.
bool has_image_ending(const std::string& path);

/// The files that write_images() makes at this path of images with these ids.
std::vector<std::string> image_files(const std::string& path, const std::vector<std::string>& ids);

/// Writes the images as the ending of the path says, atomically, and returns the files. Items and channels become pages
/// or slices. Throws Error(usage) for another ending.
std::vector<std::string> write_images(const std::string& path, const ImageOutput& output);

}  // namespace recon
