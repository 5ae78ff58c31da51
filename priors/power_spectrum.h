#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace recon {

/// The power spectrum of images of one kind around their mean, without direction: rows of a spatial frequency (cycles
/// per pixel, increasing, > 0) and the mean of |F x|² / pixels there (> 0), F the plain 2-D DFT of one channel. Its
/// mean over all frequencies is the variance of a pixel. Empty: not known.
using PowerSpectrum = std::vector<std::pair<double, double>>;

/// The spectrum of images `[N, C, H, W]`, the mean over images and channels: sixteen rings of equal width in log
/// frequency from one period per image to the corner of the DFT, those that hold no frequency left out. The images'
/// common mean is taken away and each is weighed by a Hann window, since tiles are not periodic: the jump between
/// opposite borders would fill the axes. Empty for images smaller than 8 x 8 and for constant ones. Throws
/// Error(internal) for other shapes.
PowerSpectrum measured_power_spectrum(const at::Tensor& images);

/// Its values at the frequencies of at::fft_fft2 of a `height` x `width` image, float64 `[height, width]`: log-log
/// between rows, constant beyond their ends. Undefined for an empty one.
at::Tensor on_frequencies(const PowerSpectrum& spectrum, std::int64_t height, std::int64_t width);

}  // namespace recon
