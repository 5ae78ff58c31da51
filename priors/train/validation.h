#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "priors/power_spectrum.h"
#include "priors/prior.h"
#include "priors/train/training_images.h"
#include "recon/core/rng.h"

namespace recon {

/// Mean squared error per pixel of a denoiser by relative sigma.
using DenoisingTable = std::vector<std::pair<double, double>>;

/// Mean over the levels of ln(mean squared error); not finite where an error is not.
double mean_log_error(const DenoisingTable& table);
bool same_levels(const DenoisingTable& a, const DenoisingTable& b);

/// Measurements of images `[batch, C, H, W]`, one draw of operator and noise per key.
using Measure =
    std::function<LinearMeasurement(const at::Tensor& x0, const Rng& rng, const std::vector<StreamKey>& keys)>;

/// `count` relative sigmas, equally spaced in their logarithm between the ends of a schedule.
std::vector<double> validation_levels(const NoiseSchedule& schedule, std::int64_t count);

/// The middle of an image `[C, H, W]`, cut to multiples of `multiple`, at most `largest_side` on a side (0: no limit).
/// Throws Error(data) when nothing is left.
at::Tensor middle_part(const at::Tensor& image, std::int64_t multiple, std::int64_t largest_side = 0);

/// E |D(x_0 + r eps) - x_0|² per pixel over the first `images` images (all of them if there are fewer), for each r, in
/// squared units of the prior's value range; with `measure` of E[x_0 | x_t, y]. The noise is the same in every call.
/// Images are cut in the middle to multiples of what the prior takes.
DenoisingTable denoising_table(const Prior& prior, const TrainingImages& data, std::int64_t images,
                               const std::vector<double>& relative_sigmas, c10::Device device = c10::kCPU,
                               const Measure& measure = {});

/// measured_power_spectrum() of the middles of the first `images` images (all of them if there are fewer), squares of
/// the one size that all have, at most 256 pixels.
PowerSpectrum power_spectrum_of(const TrainingImages& data, std::int64_t images);

}  // namespace recon
