#pragma once

#include "recon/core/words.h"

namespace recon {

/// How a network sees its time: sines and cosines of fixed frequencies, or of random ones (Tancik et al. 2020).
enum class TimeFeatures { positional, fourier };
constexpr auto words_of(TimeFeatures) {
  using enum TimeFeatures;
  return std::to_array<Word<TimeFeatures>>({{positional, "positional"}, {fourier, "fourier"}});
}

}  // namespace recon
