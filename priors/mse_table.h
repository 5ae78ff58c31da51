#pragma once

#include <functional>
#include <memory>

namespace recon {

/// The mean squared error of a denoiser that has no closed form: measured once, at first use, on a grid of 6 relative
/// sigmas per decade from 1e-3 to 1e3, and interpolated log-log. Safe to use from several threads.
class MseTable {
 public:
  /// `measure` gives the error, > 0, at one relative sigma.
  explicit MseTable(std::function<double(double relative_sigma)> measure);
  ~MseTable();

  /// Below the grid the error falls as the noise's variance, above it is constant.
  double at(double relative_sigma) const;

 private:
  struct Measured;
  std::function<double(double relative_sigma)> measure_;
  std::unique_ptr<Measured> measured_;
};

}  // namespace recon
