#pragma once

#include <cstdint>

#include "recon/core/parameters.h"

namespace recon {

/// What a card says about a network that is a program: a TorchScript module, or a graph of torch.export.
struct ProgramConfig {
  std::int64_t in_channels = 3;
  std::int64_t image_size = 0;     ///< side of the images it takes; 0: any
  std::int64_t size_multiple = 1;  ///< height and width must be multiples of it
  bool learn_sigma = false;        ///< twice the channels out; the second half is a variance

  std::int64_t out_channels() const { return learn_sigma ? 2 * in_channels : in_channels; }
  void visit(ParameterVisitor& v) {
    constexpr double kMost = 1 << 16;
    v.field("in_channels", in_channels, "of the image", {.min = 1, .max = kMost});
    v.field("image_size", image_size, "side of the images it takes; 0: any", {.min = 0, .max = kMost});
    v.field("size_multiple", size_multiple, "height and width must be multiples of it", {.min = 1, .max = kMost});
    v.field("learn_sigma", learn_sigma, "the network gives a variance beside its prediction");
  }
};

}  // namespace recon
