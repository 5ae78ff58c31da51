#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace recon {

/// Where an image lies in a larger one that it is a part of, in pixels.
struct ImagePlace {
  std::int64_t top = 0, left = 0;      ///< of its first pixel
  std::int64_t height = 0, width = 0;  ///< of the whole

  /// The place of the mirrored part, `columns` wide, in the mirrored whole: columns reversed.
  ImagePlace with_columns_reversed(std::int64_t columns) const;
  /// The same with rows reversed, of a part `rows` high.
  ImagePlace with_rows_reversed(std::int64_t rows) const;
  /// The place of the part in the whole, both with rows and columns exchanged.
  ImagePlace transposed() const { return {left, top, width, height}; }

  bool operator==(const ImagePlace&) const = default;
};

/// Channels that positions() makes.
constexpr std::int64_t kPositionChannels = 2;

/// The position of every pixel in its whole image: channel 0 is x, from left to right, channel 1 is y, from top to
/// bottom. The edges of the whole are -1 and 1, so that the pixel in column j of W has
///
///     x = (2 j + 1) / W - 1
///
/// and an image of another size has the same positions at the same share of its sides. In PaDIS (Hu et al. 2024,
/// "Learning image priors through patch-based diffusion models for solving inverse problems") -1 and 1 are the centres
/// of the outermost pixels of an image that was padded with zeros. Of blocks of `block` x `block` pixels it is the mean
/// of theirs.
///
/// For `places.size()` parts of height x width pixels, multiples of `block`: `[places, 2, height / block, width /
/// block]`, with the options of a floating point tensor.
at::Tensor positions(const std::vector<ImagePlace>& places, std::int64_t height, std::int64_t width, std::int64_t block,
                     const at::TensorOptions& options);

}  // namespace recon
