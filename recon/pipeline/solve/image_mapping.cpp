#include "recon/pipeline/solve/image_mapping.h"

#include <ATen/ATen.h>

#include <cmath>

#include "recon/core/error.h"
#include "recon/core/rounded_up.h"

namespace recon {
namespace {

/// The padded size that a prior needs for an image or a volume.
Shape size_for(const ImageDomain& prior, const Shape& image, const std::string& place) {
  Shape size = image;
  const std::size_t rows = image.size() - 2, columns = image.size() - 1;
  if (image.size() == 4) size[1] = rounded_up(image[1], std::max<std::int64_t>(1, prior.slice_multiple));
  if (prior.fixed_size.empty()) {
    size[rows] = rounded_up(image[rows], prior.multiple);
    size[columns] = rounded_up(image[columns], prior.multiple);
    return size;
  }
  if (image[rows] > prior.fixed_size[0] || image[columns] > prior.fixed_size[1]) {
    throw usage_error(place,
                      "the prior knows images up to {} x {} pixels only, these have {} x {}; choose another prior",
                      prior.fixed_size[0], prior.fixed_size[1], image[rows], image[columns]);
  }
  size[rows] = prior.fixed_size[0];
  size[columns] = prior.fixed_size[1];
  return size;
}

at::Tensor constant_image(const TensorSpec& image, double value, const at::TensorOptions& like) {
  Shape shape = image.shape;
  shape.insert(shape.begin(), 1);
  const auto dtype = c10::typeMetaToScalarType(like.dtype());
  const auto real = c10::toRealValueType(dtype);
  return at::full(shape, value, like.dtype(image.scalar == ScalarKind::complex ? c10::toComplexType(real) : real));
}

}  // namespace

ImageMapping::ImageMapping(const TensorSpec& image, const ImageRange& range, const ImageDomain* prior,
                           ComplexImage complex_image, const std::string& place)
    : image_(image), parts_(image), solver_image_(image) {
  const bool is_complex = image.scalar == ScalarKind::complex;
  if (prior == nullptr) {
    scale_ = (range.high - range.low) / 2;
    offset_ = is_complex ? 0 : range.low;
    return;
  }
  const bool parts = complex_image == ComplexImage::two_channels || complex_image == ComplexImage::automatic;
  if (is_complex && !parts) {
    throw usage_error(
        place,
        "the image is complex and the prior is real: set complex_image to phase_from_centre, two_channels "
        "or magnitude");
  }
  const double middle = (prior->low + prior->high) / 2;
  scale_ = (range.high - range.low) / (prior->high - prior->low);
  offset_ = range.low - scale_ * prior->low;
  if (is_complex) {
    two_channels_ = true;
    parts_ = {image.shape, ScalarKind::real};
    parts_.shape[0] *= 2;
    scale_ = 2 * std::max(std::abs(range.low), std::abs(range.high)) / (prior->high - prior->low);
    offset_ = -scale_ * middle;
  }
  if (prior->channels != parts_.shape[0] && prior->channels != 1) {
    throw usage_error(place, "the prior has {} channels, the images have {}; choose a prior with as many or with 1",
                      prior->channels, parts_.shape[0]);
  }
  solver_image_ = {size_for(*prior, parts_.shape, place), ScalarKind::real};
  padded_ = solver_image_ != parts_;
}

ImageMapping::MappedOperator ImageMapping::map(const OperatorPtr& op, const at::TensorOptions& like) const {
  OperatorPtr inner = op;
  if (two_channels_) inner = compose(inner, complex_from_parts(image_));
  MappedOperator mapped;
  if (inner->is_linear()) {
    if (offset_ != 0) mapped.shift = inner->apply(constant_image(parts_, offset_, like));
    mapped.measurement_scale = scale_;
  } else {
    inner = with_affine_input(inner, scale_, offset_);
  }
  mapped.op = padded_ ? compose(inner, crop(solver_image_, parts_)) : inner;
  return mapped;
}

at::Tensor ImageMapping::cropped(const at::Tensor& x) const {
  return padded_ ? crop(solver_image_, parts_)->apply(x) : x;
}

at::Tensor ImageMapping::to_file(const at::Tensor& x) const {
  const at::Tensor image = cropped(x) * scale_ + offset_;
  return two_channels_ ? complex_from_parts(image_)->apply(image) : image;
}

at::Tensor ImageMapping::std_to_file(const at::Tensor& std) const {
  if (!two_channels_) return cropped(std) * scale_;
  return energy_to_file(std.square()).sqrt() * scale_;  // of |x - mean|
}

at::Tensor ImageMapping::energy_to_file(const at::Tensor& energy) const {
  const at::Tensor image = cropped(energy);
  if (!two_channels_) return image;
  const std::int64_t channels = image_.shape[0];
  return image.narrow(1, 0, channels) + image.narrow(1, channels, channels);
}

Problem make_problem(const ImageMapping& mapping, const OperatorPtr& op, const at::Tensor& y, const ItemNoise& noise,
                     std::vector<StreamKey> keys) {
  const ImageMapping::MappedOperator mapped = mapping.map(op, y.options());
  at::Tensor data = mapped.shift.defined() ? y - mapped.shift : y;
  data = data / mapped.measurement_scale;
  OperatorPtr solver_op = mapped.op;
  if (noise.weights.defined()) {
    data = data * noise.weights;
    solver_op = whitened(solver_op, noise.weights);
  }
  Shape repeats(static_cast<std::size_t>(data.dim()), 1);
  repeats[0] = static_cast<std::int64_t>(keys.size());
  Problem problem{
      .op = solver_op,
      .y = keys.size() == 1 ? data : data.repeat(repeats),
      .noise_std = std::vector<double>(keys.size(), noise.std / mapped.measurement_scale),
      .keys = std::move(keys),
      .image = mapping.solver_image(),
      .whitening = noise.weights,
      .photon = noise.photons.counts_photons() ? 1 / (noise.photons.peak * std::abs(mapped.measurement_scale)) : 0,
      .background = noise.background.defined() ? noise.background / mapped.measurement_scale : at::Tensor()};
  return problem;
}

}  // namespace recon
