#pragma once

#include <ATen/core/Tensor.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "recon/metrics/calibration.h"
#include "recon/metrics/predictive_score.h"
#include "recon/pipeline/items/item_source.h"
#include "recon/pipeline/solve/misfit.h"

namespace recon {

/// What of an image the data determined and what the prior supplied.
///
/// With z = x - mean(x) and R = (A^H A + l I)^-1 A^H A, l = noise variance / variance of z: measured R z, prior_part
/// (I - R) z. Without noise R is A^+ A, the projection on the row space, and the prior_part part lies in the null
/// space; with noise R also leaves to the prior what is measured, but drowns (Backus & Gilbert's resolution matrix for
/// a white image).
struct RangeNullSplit {
  at::Tensor prior_part;      ///< [C, H, W], CPU: (I - R) z, in the units of the file
  double prior_fraction = 0;  ///< ||(I - R) z||² / ||z||², in [0, 1]; 0 for a uniform image
};
/// `x` [1, C, H, W]. Nothing for operators that are not linear.
std::optional<RangeNullSplit> split_by_data(const at::Tensor& x, const PreparedItem& item);

/// What a calibration promises of one result (guarantee.h); NaN: nothing.
struct Guarantee {
  double interval_factor = NAN;                ///< x ± interval_factor * std
  double std_scale = NAN;                      ///< what the samples' intervals are to be widened by
  double covered = NAN;                        ///< share of the pixels in them then, where there is ground truth
  double psnr = NAN, ssim = NAN, nrmse = NAN;  ///< at least (NRMSE: at most) this
};

/// What can be said of how far a result is to be trusted.
struct Uncertainty {
  std::optional<RangeNullSplit> split;  ///< of the reconstruction
  at::Tensor chi2_map;                  ///< likewise; misfit.h
  at::Tensor quantiles;                 ///< [2, C, H, W]: 5 % and 95 % of the samples, 20 or more of them; real images
  std::optional<Calibration> calibration;   ///< of several samples, where there is ground truth
  std::optional<Guarantee> guarantee;       ///< by a calibration, where one is applied
  std::optional<PredictiveScore> held_out;  ///< of data that were held out
};
/// `x` [1, C, H, W] the reconstruction and its fit, `samples` [S, C, H, W].
Uncertainty assess_uncertainty(const at::Tensor& x, const Fit& fit, const at::Tensor& samples, const SamplePairs& pairs,
                               const PreparedItem& item);

/// Magnitudes of both where one is complex and the other is not: so they are compared.
void to_one_field(at::Tensor& images, at::Tensor& truth);

/// How samples [S, C, H, W] predict what was held out of the item; nothing where nothing was.
std::optional<PredictiveScore> held_out_score(const at::Tensor& samples, const SamplePairs& pairs,
                                              const PreparedItem& item);

/// Pixels on a side of the blocks that maps of the anomaly are shown in: a pixel's own value is mostly chance.
inline constexpr std::int64_t kAnomalyBlock = 8;
/// The map [C, H, W] summed over the channels and averaged over blocks, every pixel with its block's: [1, H, W].
at::Tensor block_average(const at::Tensor& map, std::int64_t side = kAnomalyBlock);

/// The samples' calibration alone; nothing without ground truth or with one sample.
std::optional<Calibration> calibration_of(const at::Tensor& samples, const SamplePairs& pairs,
                                          const PreparedItem& item);

}  // namespace recon
