#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/measurement_file.h"
#include "recon/core/noise.h"
#include "recon/pipeline/items/complex_image.h"
#include "recon/pipeline/items/item_noise.h"

namespace recon {

/// One measured item, ready to be solved, in the units of the file.
struct PreparedItem {
  std::string id;
  OperatorPtr op;
  at::Tensor y;  ///< [1, range...] on the device, single precision
  ItemNoise noise;
  at::Tensor ground_truth;  ///< [1, C, H, W] or undefined
  ImageRange range;
};

/// How a config changes what a measurement says of itself.
struct ItemOptions {
  std::optional<double> noise_std;  ///< per real component, instead of the file's level; 0: noise-free
  bool estimate_noise = false;      ///< take the level from each item's data (recon/metrics/noise_level.h)
  bool check_noise_level = true;    ///< warn of a level that the data contradict, item by item
  ComplexImage complex_image = ComplexImage::none;
  std::string location_of_noise_std, location_of_complex_image;  ///< for messages
};

/// Where items come from: a file, or what stands for one.
struct ItemReader {
  std::string name;  ///< of the file, for messages
  MeasurementHeader header;
  std::vector<std::string> ids;  ///< all different; what items are called from here on
  TensorSpec measurement;        ///< of one item: the range of the operator
  std::function<MeasurementItem(std::int64_t index)> read;
};

/// The items of a measurement file, or of a set in memory, made ready one by one.
class ItemSource {
 public:
  /// Throws Error(usage) for a noise_std where the noise is Poisson.
  ItemSource(ItemReader reader, const ItemOptions& options);
  /// `name` stands for the file in messages.
  static ItemSource of(const MeasurementSet& set, const std::string& name, const ItemOptions& options);

  const MeasurementHeader& header() const { return reader_.header; }
  const std::vector<std::string>& ids() const { return reader_.ids; }
  const TensorSpec& image() const { return image_; }  ///< of the operators: as complex_image says
  /// Those named, or all for {"all"}, in that order. Throws Error(usage) for unknown ids, Error(data) when there is
  /// none.
  std::vector<std::int64_t> indices(const std::vector<std::string>& wanted) const;
  /// From here on the two use one operator, so that their items can be solved together. Both must state the same
  /// operator on the same images.
  void share_operator_with(ItemSource& other) { shared_op_ = other.shared_op_; }
  /// Reads and checks the item and builds its operator (once, where all items share it).
  PreparedItem prepare(std::int64_t index, c10::Device device);

 private:
  void estimate_noise(PreparedItem& item) const;
  OperatorPtr operator_for(const MeasurementItem& stored);

  ItemReader reader_;
  TensorSpec image_;
  ItemOptions options_;
  Noise noise_;
  std::shared_ptr<OperatorPtr> shared_op_ = std::make_shared<OperatorPtr>();  ///< null until the first item is read
};

}  // namespace recon
