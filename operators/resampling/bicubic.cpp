#include <ATen/ATen.h>

#include "operators/resampling/downsampled_spec.h"
#include "operators/resampling/super_resolution.h"
#include "recon/core/device_constant.h"

namespace recon {
namespace {

/// Keys 1981, eq. 15 (a = -1/2).
double cubic(double x) {
  const double a = std::abs(x);
  if (a < 1) return (1.5 * a - 2.5) * a * a + 1;
  if (a < 2) return ((-0.5 * a + 2.5) * a - 4) * a + 2;
  return 0;
}

/// The 1-D resampling matrix [length / factor, length]: row i has the stretched kernel around (i + 1/2) f - 1/2.
at::Tensor bicubic_matrix(std::int64_t length, std::int64_t factor, bool mirror) {
  const std::int64_t rows = length / factor;
  const at::Tensor matrix = at::zeros({rows, length}, at::kDouble);
  auto* values = matrix.data_ptr<double>();
  const auto stretch = static_cast<double>(factor);
  for (std::int64_t i = 0; i < rows; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * stretch - 0.5;
    const auto first = static_cast<std::int64_t>(std::ceil(centre - 2 * stretch));
    const auto last = static_cast<std::int64_t>(std::floor(centre + 2 * stretch));
    for (std::int64_t j = first; j <= last; ++j) {
      // Mirrored with the edge pixel repeated: period 2 length, ... 1 0 | 0 1 ... n-1 | n-1 n-2 ...
      std::int64_t column = j;
      if (mirror) {
        column = ((j % (2 * length)) + 2 * length) % (2 * length);
        if (column >= length) column = 2 * length - 1 - column;
      }
      if (column < 0 || column >= length) continue;
      values[i * length + column] += cubic((static_cast<double>(j) - centre) / stretch);
    }
  }
  return matrix / matrix.sum(1, true);
}

/// One axis: D and the singular vectors of D, D = U [S 0] V^T with V square.
struct AxisMatrix {
  DeviceConstant matrix, transposed, vectors, vectors_transposed;
  at::Tensor eigenvalues;  ///< of D^T D, zeros for the null space

  explicit AxisMatrix(const at::Tensor& d) : matrix(d), transposed(d.t()) {
    const auto [u, s, vh] = at::linalg_svd(d, /*full_matrices=*/true);
    vectors = DeviceConstant(vh.t());
    vectors_transposed = DeviceConstant(vh);
    eigenvalues = at::zeros({d.size(1)}, at::kDouble);
    eigenvalues.narrow(0, 0, s.numel()).copy_(s.square());
  }
};

class Bicubic final : public LinearOperator {
 public:
  Bicubic(const TensorSpec& image, std::int64_t factor, bool mirror)
      : LinearOperator(fmt::format("super_resolution(bicubic, factor {})", factor), image,
                       downsampled_spec(image, factor)),
        rows_(bicubic_matrix(image.shape[1], factor, mirror)),
        columns_(bicubic_matrix(image.shape[2], factor, mirror)),
        eigenvalues_((rows_.eigenvalues.unsqueeze(1) * columns_.eigenvalues.unsqueeze(0)).unsqueeze(0).unsqueeze(0)) {}

  std::optional<SpectralForm> spectral() const override {
    return SpectralForm{.analyze = [r = rows_.vectors_transposed,
                                    c = columns_.vectors](const at::Tensor& x) { return both_axes(r, x, c); },
                        .synthesize = [r = rows_.vectors, c = columns_.vectors_transposed](
                                          const at::Tensor& x) { return both_axes(r, x, c); },
                        .eigenvalues = [values = eigenvalues_](const at::Tensor& like) { return values.like(like); }};
  }

 private:
  /// left · x · right on the last two axes.
  static at::Tensor both_axes(const DeviceConstant& left, const at::Tensor& x, const DeviceConstant& right) {
    return at::matmul(left.like(x), at::matmul(x, right.like(x)));
  }
  at::Tensor do_apply(const at::Tensor& x) const override { return both_axes(rows_.matrix, x, columns_.transposed); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return both_axes(rows_.transposed, y, columns_.matrix); }

  AxisMatrix rows_, columns_;
  DeviceConstant eigenvalues_;
};

}  // namespace

LinearOperatorPtr make_bicubic_downsampling(const TensorSpec& image, std::int64_t factor, BicubicBorder border) {
  downsampled_spec(image, factor);
  return std::make_shared<Bicubic>(image, factor, border == BicubicBorder::mirror);
}

}  // namespace recon
