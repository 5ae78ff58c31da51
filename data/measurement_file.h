#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/hdf5/hdf5_file.h"
#include "data/image_geometry.h"
#include "data/image_range.h"
#include "recon/core/noise.h"
#include "recon/core/tensor_spec.h"

namespace recon {

/// What all items of a file share.
struct MeasurementHeader {
  TensorSpec image;  ///< [C, H, W], real or complex: the domain of the operator
  ImageRange range;
  std::string operator_config;  ///< YAML text of the operator; arrays are named as in operator_arrays
  std::map<std::string, at::Tensor> operator_arrays;  ///< shared by all items: mask, kernel, ...
  Noise noise;
  at::Tensor background;   ///< what is measured of a black image: a number [] or [range...]; undefined: nothing
  std::string provenance;  ///< free text: who made it from what
  /// The noise of every entry where it differs: standard deviations per real component, [range...] or [N, range...];
  /// NaN or infinite: nothing was measured there. Undefined: `noise` says all.
  at::Tensor std_map;
  NoiseCorrelation correlation;  ///< gaussian: of the entries of an item; noise.std is then its typical_std()
  double scale = 1;  ///< files of others: what their numbers were multiplied with by themselves (`scale: auto`)
  /// Files of others: where the items, slices of one channel in that order, lie; none: not said.
  std::optional<ImageGeometry> geometry = {};
  bool truth_from_data = false;  ///< the ground truth was made of the same noisy data: its chi² is not 1
};

/// Whether an item's measurements may hold NaN and infinite entries: they do where nothing was measured.
enum class Finite { required, unchecked };

struct MeasurementItem {
  std::string id;
  at::Tensor y;                              ///< [range...]
  at::Tensor ground_truth;                   ///< [C, H, W]; undefined when the file has none
  std::map<std::string, at::Tensor> arrays;  ///< this item's own operator arrays
  double noise_std = 0;                      ///< of the Gaussian part
  at::Tensor std_map = {};                   ///< [range...]; undefined: noise_std holds for every entry
};

/// A whole measurement file in memory, for writing: the leading axis is the item.
struct MeasurementSet {
  MeasurementHeader header;
  std::vector<std::string> ids;                       ///< empty: "0", "1", ...
  at::Tensor y;                                       ///< [N, range...], float32/64 or complex64/128
  at::Tensor ground_truth;                            ///< [N, C, H, W] or undefined
  std::map<std::string, at::Tensor> per_item_arrays;  ///< [N, ...]
};

/// A measurement file (data/FORMAT.md), opened for reading; items are read when asked for.
///
/// Everything is checked on opening except the values, which item() checks: NaN or infinite entries are Error(data)
/// saying where (of the measurements only where they are `required` to be finite). All errors are Error(data) with
/// file, dataset, what was expected and found.
class MeasurementFile {
 public:
  static constexpr std::uint64_t version = 1;

  static MeasurementFile open(const std::string& path, const hdf5::ReadLimits& limits = {});

  const std::string& path() const { return path_; }
  const MeasurementHeader& header() const { return header_; }
  std::int64_t count() const { return static_cast<std::int64_t>(ids_.size()); }
  const std::vector<std::string>& ids() const { return ids_; }
  const TensorSpec& measurement() const { return measurement_; }  ///< of one item: the range of the operator
  bool has_ground_truth() const { return has_ground_truth_; }
  const std::vector<std::string>& per_item_arrays() const { return per_item_; }

  MeasurementItem item(std::int64_t index, Finite measurements = Finite::required) const;
  /// Throws Error(usage) naming some of the ids there are.
  std::int64_t index_of(const std::string& id) const;

 private:
  explicit MeasurementFile(hdf5::File file) : file_(std::move(file)) {}
  void read_header();
  void read_operator();
  void read_noise();
  void read_std_map(const hdf5::Group& group);
  void read_correlation(const hdf5::Group& group);
  void read_items();

  hdf5::File file_;
  std::string path_;
  MeasurementHeader header_;
  TensorSpec measurement_;
  std::vector<std::string> ids_, per_item_;
  bool has_ground_truth_ = false, has_std_maps_ = false;  ///< a map for each item
};

/// Writes `set` atomically; checks it first (shapes, finite values, unique ids).
void write_measurement_file(const std::string& path, const MeasurementSet& set);

}  // namespace recon
