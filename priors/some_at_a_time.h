#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace recon {

// Many small images of one large one (slices, tiles) go through a network some at a time, so that memory does not grow
// with their number.

/// How many images like these [count, C, H, W] are a pass: about 2^18 pixels on a CPU, 2^21 on a GPU.
inline std::int64_t images_per_pass(const at::Tensor& images) {
  const std::int64_t pixels = images.is_cpu() ? std::int64_t{1} << 18 : std::int64_t{1} << 21;
  return std::max<std::int64_t>(1, pixels / (images.size(2) * images.size(3)));
}

/// map(images, index of the first) -> images of their shape, some at a time.
template <class Map>
at::Tensor some_at_a_time(const at::Tensor& images, const Map& map) {
  const std::int64_t count = images.size(0), most = images_per_pass(images);
  if (count <= most) return map(images, 0);
  std::vector<at::Tensor> all;
  for (std::int64_t begin = 0; begin < count; begin += most) {
    all.push_back(map(images.narrow(0, begin, std::min(most, count - begin)).contiguous(), begin));
  }
  return at::cat(all);
}

}  // namespace recon
