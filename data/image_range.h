#pragma once

namespace recon {

/// Values that stand for black and white in a file's images and ground truth.
struct ImageRange {
  double low = 0;
  double high = 1;
  bool operator==(const ImageRange&) const = default;
};

}  // namespace recon
