#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "priors/image_place.h"
#include "priors/train/training_images.h"
#include "priors/train/training_options.h"
#include "recon/core/rng.h"

namespace recon {

/// The clean images of one step, and where they are from.
struct TrainingBatch {
  at::Tensor images;               ///< `[batch, C, H, W]`
  std::vector<ImagePlace> places;  ///< of each crop in its image
};

/// The images of each training step, cropped and augmented.
///
/// Image number k of a run (k = step · batch + slot) is the k mod count-th of a shuffled order of the data set, a new
/// order each epoch; crop, flip, turn, contrast and shading are drawn from k. So a batch depends on (seed, step) only,
/// and a resumed run sees what an uninterrupted one does. Mirrored and turned is the whole image, of which the crop
/// then has the place.
class BatchSource {
 public:
  /// `multiple`: sides must be multiples of it. Throws Error(usage) for a crop that is none, Error(data) without
  /// images.
  BatchSource(TrainingImages images, const TrainingOptions& options, std::int64_t multiple);

  /// Throws Error(data) naming the image for one that is smaller than the crop, and, without crop,
  /// for sizes that differ within a batch or do not fit the network.
  TrainingBatch batch(std::int64_t step);

 private:
  std::int64_t index_of(std::int64_t k);
  at::Tensor augmented(at::Tensor image, const at::Tensor& draws, std::int64_t index, ImagePlace& place) const;

  TrainingImages images_;
  TrainingOptions options_;
  std::int64_t multiple_;
  Rng rng_, order_rng_;
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;  ///< of epoch_
};

}  // namespace recon
