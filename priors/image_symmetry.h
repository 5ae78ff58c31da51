#pragma once

#include <array>

#include "recon/core/words.h"

namespace recon {

/// Which mirrored and turned images are as likely as the image itself, to a prior.
enum class ImageSymmetry {
  none,    ///< up, down, left and right have a meaning
  mirror,  ///< left and right may be exchanged
  square,  ///< so may up and down, rows and columns: all eight symmetries of a square
};
constexpr auto words_of(ImageSymmetry) {
  using enum ImageSymmetry;
  return std::to_array<Word<ImageSymmetry>>({{none, "none"}, {mirror, "mirror"}, {square, "square"}});
}

}  // namespace recon
