#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace recon {

/// What a library was compiled for, compute capabilities as 10 major + minor.
struct CudaArchitectures {
  std::vector<int> binaries;  ///< run on capabilities of the same major and no smaller minor
  std::vector<int> ptx;       ///< are compiled by the driver for any capability that is no smaller
};

/// From CMake's list, by spaces: "80-real 90-virtual 100" are a binary for 8.0, PTX for 9.0, and both for 10.0.
inline CudaArchitectures cuda_architectures_from(std::string_view list) {
  CudaArchitectures all;
  while (!list.empty()) {
    const std::string_view word = list.substr(0, list.find(' '));
    int number = 0;
    std::from_chars(word.data(), word.data() + word.size(), number);
    if (!word.ends_with("-virtual")) all.binaries.push_back(number);
    if (!word.ends_with("-real")) all.ptx.push_back(number);
    list.remove_prefix(std::min(list.size(), word.size() + 1));
  }
  return all;
}

inline std::string capability_text(int capability) { return fmt::format("{}.{}", capability / 10, capability % 10); }

/// Why a GPU of that compute capability cannot run what was compiled for those, and what to do; empty: it can.
inline std::string why_not_capable(int capability, const CudaArchitectures& built) {
  for (const int binary : built.binaries) {
    if (binary / 10 == capability / 10 && binary <= capability) return "";
  }
  for (const int ptx : built.ptx) {
    if (ptx <= capability) return "";
  }
  std::string known;
  for (const int binary : built.binaries) known += (known.empty() ? "" : ", ") + capability_text(binary);
  for (const int ptx : built.ptx) known += (known.empty() ? "" : ", ") + capability_text(ptx) + " and newer";
  return fmt::format(
      "its compute capability is {}, recon_cuda is built for {}; take --device cpu, or build with "
      "-DCMAKE_CUDA_ARCHITECTURES={} and a CUDA toolkit and LibTorch that know it",
      capability_text(capability), known, capability);
}

}  // namespace recon
