#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace recon {

/// Guarantees for images without truth, from n images with truth that are exchangeable with them: drawn in the same
/// way, measured by the same operator with the same noise, reconstructed by the same solver. They hold for any solver,
/// prior and distribution of images and for finite n: a poor solver gets wide intervals, not wrong ones.

/// The factors k among which an interval x ± k std is chosen: 0.05, growing by 2 % to about 500. The set is fixed
/// beforehand, as the guarantee asks.
const std::vector<double>& interval_factors();

/// For each factor the share of the pixels with |truth - x| > factor * std, [factors]; `x`, `truth` [...] real or
/// complex, `std` [...] real. It falls with the factor. Pixels with std 0 are missed unless x is exact. Throws
/// Error(internal) for unequal shapes.
std::vector<double> miss_curve(const at::Tensor& x, const at::Tensor& std, const at::Tensor& truth);

/// The same for one factor.
double missed_share(const at::Tensor& x, const at::Tensor& std, const at::Tensor& truth, double factor);

/// Whether n losses in [0, 1] show, with `confidence`, that their expectation is below `level`: the wealth of a bettor
/// against "it is not" exceeds 1 / (1 - confidence) (Waudby-Smith & Ramdas 2024, "Estimating means of bounded random
/// variables by betting"; as a bound of risk in Bates, Angelopoulos, Lei, Malik, Jordan 2021, "Distribution-free,
/// risk-controlling prediction sets", section 3.1.4). Where losses vary little it needs far fewer of them than
/// bounds by the mean alone (Hoeffding, Bentkus).
bool shown_below(const std::vector<double>& losses, double level, double confidence);

/// The fewest images from which a risk below `level` can be shown with `confidence`: all of them without a miss.
std::int64_t fewest_images(double level, double confidence);

struct ControlledFactor {
  double factor = 0;     ///< of the standard deviation
  double mean_miss = 0;  ///< of the images that it was found on
};
/// The smallest factor k such that x ± k std misses on average at most a share `miss` of the pixels of a new image,
/// which is true with probability `confidence` over the draw of these images (risk-controlling prediction sets).
/// `curves` holds each image's miss_curve(). From the largest factor down, as long as shown_below() holds of the misses.
/// Nothing where not even the largest factor passes.
std::optional<ControlledFactor> controlled_factor(const std::vector<std::vector<double>>& curves, double miss,
                                                  double confidence);

/// What the plain factor covers, the smallest that misses `miss` on average, without a margin for chance.
struct HeldOutCoverage {
  double mean = 0;            ///< share of the pixels of an image, by the factor of the other images
  double standard_error = 0;  ///< of the mean over the images
};
/// Each image is left out once (the jackknife), so that no image has a part in its own interval: what images
/// exchangeable with these may expect. `misses` [n, factors] (double) holds each image's miss_curve(). Nothing for
/// fewer than two images, and where the others of one are missed too often by the largest factor.
std::optional<HeldOutCoverage> held_out_coverage(const at::Tensor& misses, double miss);

/// The margin m of split conformal prediction: for n exchangeable scores and one more, P(the new one <= m) >= 1 - miss.
/// It is the ceil((n + 1)(1 - miss))-th smallest score; nothing where n is too small for that. NaN is Error(internal).
std::optional<double> conformal_margin(std::vector<double> scores, double miss);

/// The q-quantile (0 < q < 1) of some values, by linear interpolation between the sorted ones.
double quantile_of(std::vector<double> values, double q);

}  // namespace recon
