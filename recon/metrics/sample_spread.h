#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace recon {

/// Which samples of an image were drawn in pairs, from noise of opposite sign (antithetic variates; Hammersley & Morton
/// 1956, "A new Monte Carlo technique: antithetic variates").
///
/// Each sample alone has the law that it has anyway. The two of a pair lie on opposite sides of the mean: exactly so
/// where the sampler is linear in its noise, as on a Gaussian posterior, and for the greater part on images. So the
/// mean of a few is near the mean of many. What counts samples as independent has to know the pairs.
class SamplePairs {
 public:
  /// `count` samples, each drawn by itself.
  explicit SamplePairs(std::int64_t count);
  /// `partner[i]`: the sample drawn with the opposite noise of sample i, -1 for none. Throws Error(internal) where that
  /// is not mutual.
  explicit SamplePairs(std::vector<std::int64_t> partner);

  std::int64_t count() const { return static_cast<std::int64_t>(partner_.size()); }
  std::int64_t pairs() const { return static_cast<std::int64_t>(first_.size()); }
  /// One of each pair, and who has no partner, in their order: samples that are independent of each other.
  std::vector<std::int64_t> independent(bool second_of_pairs = false) const;
  /// The first and the second ones of the pairs.
  const std::vector<std::int64_t>& first() const { return first_; }
  const std::vector<std::int64_t>& second() const { return second_; }

 private:
  std::vector<std::int64_t> partner_, first_, second_;
};

/// Mean and standard deviation of a posterior by its samples, and what they are worth.
struct SampleSpread {
  at::Tensor mean;  ///< [...]
  at::Tensor std;   ///< [...], real; NaN of one sample
  /// Of the two of a pair, -1 to 1, over all entries; 0 without pairs. Of a pair alone it cannot be known, and is -1.
  double correlation = 0;
  double mean_variance =
      0;               ///< the variance of the mean in units of std²: (1 + correlation * share of paired ones) / S
  double degrees = 0;  ///< of freedom of std (Satterthwaite 1946)

  /// The k of mean ± k std that holds another draw with probability `level`: Student's interval of a prediction, t
  /// sqrt(1 + mean_variance). Exact for a Gaussian posterior without pairs, and with pairs of a linear sampler.
  double half_width(double level) const;
};

/// `samples` [S, ...]. std² is unbiased: half of the mean square difference of those two by two that are no pair, which
/// without pairs is the usual sum of squares over S - 1. A pair alone: a quarter of its square difference.
SampleSpread spread_of(const at::Tensor& samples, const SamplePairs& pairs);

}  // namespace recon
