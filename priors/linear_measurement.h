#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "priors/noise_schedule.h"
#include "recon/core/parameters.h"

namespace recon {

/// y = A x_0 + n, n ~ N(0, noise_std² I), A linear, as far as the posterior of x_0 depends on it: through A^H y and
/// A^H A. A batch of them, each entry with an A and a noise of its own.
struct LinearMeasurement {
  using ImageMap = std::function<at::Tensor(const at::Tensor& x)>;

  std::string operator_name;      ///< Operator::name()
  at::Tensor backprojected;       ///< A^H y, `[batch, C, H, W]`
  std::vector<double> noise_std;  ///< `[batch]`, > 0
  /// f(A^H A) x. f maps eigenvalues, whose leading axis broadcasts with numbers per item, element by element.
  std::function<at::Tensor(const at::Tensor& x, const ImageMap& f)> filter;
  /// E[x_0 | y] for x_0 ~ N(mean, R R^T), R = `root` symmetric.
  std::function<at::Tensor(const at::Tensor& mean, const ImageMap& root)> gaussian_mean;
};

/// What a network was trained to know beside x_t: a section of its card.
struct TrainedMeasurement {
  std::string op;                 ///< LinearMeasurement::operator_name of the family
  std::vector<double> noise_std;  ///< [lowest, highest], in units of the prior's range

  void visit(ParameterVisitor& v);
  /// Empty, or why the measurement is none of these: its operator has another name, but for numbers that differ by at
  /// most a twentieth and a given array in the place of a pattern, or its noise is more than a tenth out of bounds.
  std::string objection(const LinearMeasurement& y) const;
};

/// x_t = alpha x_0 + sigma e and y = A x_0 + n together. Both are Gaussian about x_0, so they are worth one Gaussian
/// observation (Mammadov, Chung & Teh 2026, arXiv 2606.17048), r = sigma / alpha:
///
///     mu ~ N(x_0, S),   S = (I / r² + A^H A / noise_std²)^-1,   mu = S (x_t / (alpha r²) + A^H y / noise_std²)
///
/// A network shall see and answer numbers of at most unit size whatever S is. v-prediction of a variance preserving
/// process does where S = r² I: x_0 = a² mu - s v, a² = 1 / (1 + r²), s² = r² / (1 + r²). Here it is the same with S in
/// the place of r², one a and s for each eigenvalue of A^H A:
///
///     x_0 = a² mu - s v,   a² = (I + S)^-1,   s² = S (I + S)^-1,   input = [a² mu, s 1]
///
/// where a² mu and s² are the posterior mean and covariance of a white image of unit variance: the network sees what
/// the data say of such an image and how little that is, s 1 being s of an image of ones, and answers v. Unlike a mu,
/// a² mu is small where nothing is known, so that no noise lies over what is measured beside it.
class CombinedObservation {
 public:
  /// One level per item, or one for all.
  CombinedObservation(const at::Tensor& x_t, const std::vector<NoiseLevel>& levels, LinearMeasurement y);

  at::Tensor input() const;                           ///< a² mu and s 1, `[batch, 2 C, H, W]`
  at::Tensor x0_of(const at::Tensor& v) const;        ///< a² mu - s v
  at::Tensor v_of(const at::Tensor& x0) const;        ///< s^-1 (a² mu - x_0)
  at::Tensor noise_share(const at::Tensor& x) const;  ///< s x; no graph

 private:
  /// g(S) x by the eigenvalues of S.
  at::Tensor of_covariance(const at::Tensor& x, const LinearMeasurement::ImageMap& g) const;
  at::Tensor white_mean() const;  ///< a² mu

  LinearMeasurement y_;
  std::vector<double> precision_, data_precision_;  ///< 1 / r², 1 / noise_std²
  at::Tensor sum_;                                  ///< S^-1 mu
};

}  // namespace recon
