#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "data/hdf5/hdf5_file.h"
#include "data/measurement_file.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// How a dataset of a file that recon did not write is to be understood.
struct ExternalLayout {
  std::string dataset;  ///< its path inside the file: "kspace", "scans/ct"
  /// What each of its axes is: item, channel, y, x, complex (real and imaginary part, two entries), in their order on
  /// disk. y and x must be there. Empty: [y, x], [item, y, x] or [item, channel, y, x], by its rank.
  std::vector<std::string> axes = {};
  double offset = 0;  ///< taken from the stored values, then
  std::optional<double> scale =
      std::nullopt;  ///< they are multiplied by this; by default unsigned integers are divided by full scale
};

/// Items of such a dataset, read one by one as [C, H, W]; C is 1 without a channel axis.
///
/// Complex: a compound {r, i}, {real, imag} or {re, im}, or a `complex` axis. All faults are Error(data) with file,
/// dataset, what was expected and found: axes that do not fit, a complex axis without two entries, types that cannot be
/// scaled by themselves, entries that are not finite where they are `required` to be (of what was measured: not where
/// nothing was).
class ExternalDataset {
 public:
  ExternalDataset(const hdf5::File& file, const ExternalLayout& layout);

  const std::string& location() const { return dataset_.location(); }
  std::int64_t count() const { return count_; }
  const TensorSpec& spec() const { return spec_; }  ///< of one item
  /// [C, H, W] float32 or complex64.
  at::Tensor item(std::int64_t index, Finite values = Finite::required) const;

 private:
  std::optional<std::size_t> axis(const std::string& name) const;
  void read_axes();

  hdf5::Dataset dataset_;
  ExternalLayout layout_;
  TensorSpec spec_;
  std::int64_t count_ = 1;
  bool by_full_scale_of_16_bits_ = false;  ///< nobody said what one step is worth
};

}  // namespace recon
