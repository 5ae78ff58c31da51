#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "recon/core/error.h"

namespace recon {

/// What a decoder is given: the bytes of a picture file, and what to say about them.
struct EncodedPicture {
  std::string path;  ///< for messages
  std::string bytes;
  std::int64_t max_pixels = std::int64_t{1} << 28;

  /// Error(data) unless 1 <= width * height <= max_pixels. Called before memory is taken for the pixels.
  void check_size(std::int64_t width, std::int64_t height) const;
  /// The fault of a file that is no sound picture of its kind ("PNG").
  Error damaged(const char* kind, const std::string& reason) const;
};

// Decoded pixels are tensors [H, W, C] on the CPU: uint8, uint16, float32 or float64 as stored. C = 1 (grey), 2 (grey,
// alpha), 3 (R, G, B) or 4 (R, G, B, alpha). Encoders take uint8 or uint16 of 1 or 3 channels.

}  // namespace recon
