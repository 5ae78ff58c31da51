#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "priors/prior.h"
#include "priors/train/training_images.h"

namespace recon {

/// One noise level of the yardstick.
struct DenoisingFigure {
  std::string level;          ///< "25/255" of the value range's width, or "r = 1"
  double relative_sigma = 0;  ///< noise std in the units of the value range
  double psnr = 0;            ///< mean over the images in dB, after clipping to the value range
  double psnr_total_variation = 0;
};

/// The fixed yardstick of denoisers: Gaussian noise of 15, 25, 50 and 75 of 255 (as the literature of denoising has it)
/// and of relative sigma 1, 3 and 10, on the first `count` images, each cut in the middle to multiples of what the
/// prior takes. The noise is the same for every prior. Beside it what needs no training: total variation with the
/// weight by the discrepancy principle.
std::vector<DenoisingFigure> denoising_figures(const Prior& prior, const TrainingImages& images, std::int64_t count);

/// The figures as a table of a model card (Markdown).
std::string denoising_markdown(const std::vector<DenoisingFigure>& figures);

}  // namespace recon
