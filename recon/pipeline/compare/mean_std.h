#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace recon {

/// Mean and standard deviation (n - 1; NaN for one value) of some values; NaN of none.
struct MeanStd {
  double mean = NAN, std = NAN;
  std::size_t count = 0;
  double standard_error() const { return std / std::sqrt(static_cast<double>(count)); }  ///< of the mean
  std::string to_string(int digits) const;  ///< "26.2 ± 0.3", "26.2" for one value, "-" for none
};
MeanStd mean_std(const std::vector<double>& values);

}  // namespace recon
