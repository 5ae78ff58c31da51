#include <ATen/ATen.h>

#include "operators/resampling/downsampled_spec.h"
#include "operators/resampling/super_resolution.h"

namespace recon {
namespace {

/// Block means. With n = f² pixels per block, A^H A is 1/n times the projection onto blockwise constant images.
class Average final : public LinearOperator {
 public:
  Average(const TensorSpec& image, std::int64_t factor)
      : LinearOperator(fmt::format("super_resolution(average, factor {})", factor), image,
                       downsampled_spec(image, factor)),
        factor_(factor) {}

  std::optional<SpectralForm> spectral() const override {
    const std::int64_t factor = factor_;
    return SpectralForm{
        .analyze = [factor](const at::Tensor& x) { return reflected(blocks(x, factor)); },
        .synthesize = [factor](const at::Tensor& c) { return unblocked(reflected(c), factor); },
        .eigenvalues =
            [factor](const at::Tensor& like) {
              const std::int64_t n = factor * factor;
              const at::Tensor values = at::zeros({1, 1, 1, 1, n}, like.options().dtype(real_dtype(like)));
              values.select(-1, 0).fill_(1.0 / static_cast<double>(n));
              return values;
            }};
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return blocks(x, factor_).mean(-1); }

  at::Tensor do_adjoint(const at::Tensor& y) const override {
    const auto n = static_cast<double>(factor_ * factor_);
    return (y / n).repeat_interleave(factor_, -2).repeat_interleave(factor_, -1);
  }

  /// [B, C, H, W] -> [B, C, H/f, W/f, f²]
  static at::Tensor blocks(const at::Tensor& x, std::int64_t f) {
    const std::int64_t rows = x.size(2) / f;
    const std::int64_t columns = x.size(3) / f;
    return x.reshape({x.size(0), x.size(1), rows, f, columns, f})
        .permute({0, 1, 2, 4, 3, 5})
        .reshape({x.size(0), x.size(1), rows, columns, f * f});
  }

  static at::Tensor unblocked(const at::Tensor& b, std::int64_t f) {
    return b.reshape({b.size(0), b.size(1), b.size(2), b.size(3), f, f})
        .permute({0, 1, 2, 4, 3, 5})
        .reshape({b.size(0), b.size(1), b.size(2) * f, b.size(3) * f});
  }

  /// The Householder reflection that swaps the first unit vector and the constant one: symmetric, its own inverse.
  /// With u = 1/sqrt(n): v = u 1 - e_0, v·v = 2 (1 - u), and the reflection is b - (v·b) v / (1 - u).
  static at::Tensor reflected(const at::Tensor& b) {
    const double u = 1 / std::sqrt(static_cast<double>(b.size(-1)));
    const at::Tensor along = (b.sum(-1) * u - b.select(-1, 0)) / (1 - u);
    at::Tensor result = b - (along * u).unsqueeze(-1);
    result.select(-1, 0).add_(along);
    return result;
  }

  std::int64_t factor_;
};

}  // namespace

LinearOperatorPtr make_average_downsampling(const TensorSpec& image, std::int64_t factor) {
  return std::make_shared<Average>(image, factor);
}

}  // namespace recon
