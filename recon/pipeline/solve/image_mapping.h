#pragma once

#include <string>

#include "data/measurement_file.h"
#include "operators/algebra.h"
#include "priors/prior.h"
#include "recon/pipeline/items/complex_image.h"
#include "recon/pipeline/items/item_noise.h"
#include "recon/solvers/solver.h"

namespace recon {

/// The one place where images of a measurement file become images that a solver works on, and back.
///
/// Intensities: x_file = scale x + offset maps the solver's value range onto the file's image_range. Measurements and
/// noise follow, so that solvers see one unit only: for linear A
///     y = A(scale x + offset) + n   becomes   (y - A(offset)) / scale = A x + n / scale,
/// otherwise A is replaced by x -> A(scale x + offset). With two_channels the range [-M, M], M = max(|low|, |high|), of
/// both parts is mapped instead. Values outside the range stay as they are: nothing is clipped.
///
/// Size: the image is padded to the multiple (or the fixed size) that the prior needs by solving for a larger image of
/// which the operator sees the centre; the result is cropped back. Without a prior (classical solvers) nothing is
/// padded, complex images stay complex, and the range becomes [0, 2]: a prior's step of 2, with zero at `low`.
///
/// Volumes [C, D, H, W] likewise; slices are added where the prior wants a multiple of them
/// (ImageDomain::slice_multiple).
class ImageMapping {
 public:
  /// `automatic` is two_channels here: an image that is still complex. Throws Error(usage) naming `place` for images
  /// that the prior cannot take, saying which it takes.
  ImageMapping(const TensorSpec& image, const ImageRange& range, const ImageDomain* prior, ComplexImage complex_image,
               const std::string& place);

  double scale() const { return scale_; }
  double offset() const { return offset_; }
  /// What solvers work on.
  const TensorSpec& solver_image() const { return solver_image_; }
  bool padded() const { return padded_; }

  /// The file's operator as the solver's: crop, parts, units; `shift` is to be taken from y before dividing by scale.
  struct MappedOperator {
    OperatorPtr op;
    at::Tensor shift;              ///< A(offset), undefined when 0
    double measurement_scale = 1;  ///< y and its noise are divided by it
  };
  MappedOperator map(const OperatorPtr& op, const at::TensorOptions& like) const;

  /// Images [batch, solver image] in the units and the shape of the file.
  at::Tensor to_file(const at::Tensor& x) const;
  at::Tensor std_to_file(const at::Tensor& std) const;
  /// What has no unit of intensity and adds up: of the pixels that the file has, both parts of a complex one together.
  at::Tensor energy_to_file(const at::Tensor& energy) const;

 private:
  at::Tensor cropped(const at::Tensor& x) const;

  TensorSpec image_, parts_, solver_image_;
  double scale_ = 1, offset_ = 0;
  bool two_channels_ = false, padded_ = false;
};

/// The problem in the solver's units: the one measurement `y` [1, range...] once for each of the keys.
Problem make_problem(const ImageMapping& mapping, const OperatorPtr& op, const at::Tensor& y, const ItemNoise& noise,
                     std::vector<StreamKey> keys);

}  // namespace recon
