#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "data/image_range.h"
#include "operators/operator.h"
#include "recon/core/parameters.h"

namespace recon {

/// `image_range: {from: adjoint, quantile: 0.99}`: the values of black and white are found in each item's data, never
/// in its truth. Priors that were trained on images divided by such a quantile (those of MRI) need it.
struct MeasuredRange {
  enum class Source { adjoint };

  Source from = Source::adjoint;
  double quantile = 0.99;

  void visit(ParameterVisitor& v);
};
constexpr auto words_of(MeasuredRange::Source) {
  return std::to_array<Word<MeasuredRange::Source>>({{MeasuredRange::Source::adjoint, "adjoint"}});
}

/// Magnitudes of the filtered back-projection without its highest frequencies (Hann), of operators that have one.
/// `y` [1, range...], the result [1, C, H, W].
std::optional<at::Tensor> filtered_magnitudes(const LinearOperator& op, const at::Tensor& y);

/// |g A^H y| with the gain g = <y, A A^H y> / |A A^H y|² that fits the data best: 1 where A is a unitary transform,
/// masked or not, factor² where A takes averages of factor² pixels. Of the same shapes.
at::Tensor fitted_adjoint_magnitudes(const LinearOperator& op, const at::Tensor& y);

/// Magnitudes of the image that the data give without a prior, of pixels that results show, [1, C, H, W]. That of
/// projections is filtered; that of others is g (A^H A + l I)^-1 A^H y with a damping l of a fiftieth and the gain g
/// that fits the data best: the zero-filled image A^H y where A is a unitary transform, masked or not, and one without
/// the blur of A^H elsewhere.
at::Tensor image_of_data(const LinearOperator& op, const at::Tensor& y);

/// [0, q], q the quantile of image_of_data(). Throws Error(usage) for operators that are not linear, Error(data) naming
/// `location` for data of nothing.
ImageRange measured_range(const MeasuredRange& how, const OperatorPtr& op, const at::Tensor& y,
                          const std::string& location);

}  // namespace recon
