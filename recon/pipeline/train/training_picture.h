#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <vector>

#include "priors/network_prior.h"
#include "priors/train/trainer.h"
#include "recon/report/line_plot.h"

namespace recon {

/// Of pictures that are larger, their middle stands for them in figures and pictures of a training; 0: the whole does,
/// as for networks that see where pixels lie in it.
inline std::int64_t largest_shown_px(const NetworkPriorDescription& description) {
  return description.position_channels ? 0 : 128;
}

/// Loss and validation error over the steps of a run: the training loss as means over up to 200 equal pieces, and the
/// mean squared error at up to four levels.
std::vector<Curve> training_curves(const TrainingHistory& history);

/// The running picture of a training, for people who wait: the curves; a few images, each clean, with noise of 25/255
/// and of 75/255, and denoised, with their PSNR; a row of samples drawn from the prior (dpmpp_2m, 10 steps). With
/// `measure` instead a few images, each clean, as A^H y, denoised by the data alone, with noise, and denoised by both.
/// One PNG, replaced atomically.
///
/// `images` are held out ones where there are any; samples have `sample_side` pixels on a side (0, and where positions
/// are seen: those of an image).
/// Noise and samples start alike in every call, so that pictures of one run can be compared.
void write_training_picture(const std::filesystem::path& path, const NetworkPrior& prior, const TrainingImages& images,
                            const TrainingHistory& history, std::int64_t sample_side, c10::Device device,
                            const Measure& measure = {});

}  // namespace recon
