#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/measurement_file.h"
#include "operators/noise_correlation.h"
#include "priors/slices_prior.h"
#include "recon/core/noise.h"
#include "recon/pipeline/items/alternatives.h"
#include "recon/pipeline/items/complex_image.h"
#include "recon/pipeline/items/item_noise.h"
#include "recon/pipeline/items/measured_range.h"

namespace recon {

struct HeldOut;

/// One measured item, ready to be solved, in the units of the file.
struct PreparedItem {
  std::string id;
  OperatorPtr op;
  at::Tensor y;  ///< [1, range...] on the device, single precision: less the background, 0 where nothing was measured
  ItemNoise noise;
  at::Tensor ground_truth;  ///< [1, C, H, W] or undefined
  at::Tensor shown = {};    ///< y before correlated noise was whitened (op and y are); undefined: y
  ImageRange range;
  bool range_measured = false;                             ///< ItemOptions::range
  std::function<std::vector<Alternative>()> alternatives;  ///< of the stated operator; may be empty
  std::shared_ptr<const HeldOut> held_out = nullptr;       ///< what y and op leave out to be judged by (held_out.h)
};

/// How a config changes what a measurement says of itself.
struct ItemOptions {
  std::optional<double> noise_std;  ///< per real component, instead of the file's level; 0: noise-free
  bool estimate_noise = false;      ///< take the level from each item's data (recon/metrics/noise_level.h)
  bool check_noise_level = true;    ///< warn of a level that the data contradict, item by item
  ComplexImage complex_image = ComplexImage::none;  ///< automatic: as none, until it is settled
  std::optional<MeasuredRange> range = {};          ///< of the images, found in the data; none: the file's
  double hold_out = 0;                              ///< share of the data that solvers do not see (held_out.h); 0: none
  std::vector<SliceOrientation> prior_slices = {SliceOrientation::axial};  ///< of volumes: what priors look at
  std::string location_of_noise_std, location_of_complex_image;            ///< for messages
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
  /// Of what results show: image() without a margin that only the operator needs (Operator::window()). Before an item
  /// was prepared, image().
  const TensorSpec& result_image() const { return result_image_.shape.empty() ? image_ : result_image_; }
  /// Settles `complex_image: auto`, before the first item is prepared. Not `magnitude`.
  void settle_complex_image(ComplexImage choice) { options_.complex_image = choice; }
  const ItemOptions& options() const { return options_; }
  /// The same items without a word about their noise level.
  ItemSource unchecked() const {
    ItemSource same = *this;
    same.options_.check_noise_level = false;
    return same;
  }
  /// Those that `wanted` names (item_choice.h).
  std::vector<std::int64_t> indices(const std::vector<std::string>& wanted) const;
  /// From here on the two use one operator, so that their items can be solved together. Both must state the same
  /// operator on the same images.
  void share_operator_with(ItemSource& other) { shared_op_ = other.shared_op_; }
  /// Reads and checks the item and builds its operator (once, where all items share it). What the operator's support
  /// leaves out is not looked at, whatever is there; exact zeros that contradict the mask are Error(data), and lines of
  /// zeros that the mask counts as measured are taken out of it, with a warning (support.h).
  PreparedItem prepare(std::int64_t index, c10::Device device);
  /// The middle item's range for the header, where ranges are found in the data.
  void measure_range();

 private:
  /// The operators that items share: as it is stated, and by what an item's zeros leave of its mask.
  struct SharedOperators {
    OperatorPtr stated;                             ///< null until the first item is read
    std::map<std::string, OperatorPtr> narrowed;    ///< by the mask; null where an item has a part of its own
    std::map<std::string, OperatorPtr> restricted;  ///< the stated one, by what has a level of noise
    std::optional<Prewhitening> whitened;           ///< the stated one
  };

  void estimate_noise(PreparedItem& item) const;
  void read_noise(PreparedItem& item, const MeasurementItem& stored) const;
  OperatorPtr operator_for(const MeasurementItem& stored);
  void whiten_correlated(PreparedItem& item);
  OperatorPtr where_measured(const OperatorPtr& op, const at::Tensor& measured);
  OperatorPtr narrowed(const OperatorPtr& op, const MeasurementItem& stored);
  std::map<std::string, at::Tensor> arrays_of(const MeasurementItem& stored) const;

  ItemReader reader_;
  TensorSpec image_, result_image_;
  ItemOptions options_;
  Noise noise_;
  std::shared_ptr<SharedOperators> shared_op_ = std::make_shared<SharedOperators>();
};

}  // namespace recon
