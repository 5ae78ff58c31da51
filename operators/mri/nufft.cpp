#include "operators/mri/nufft.h"

#include <ATen/ATen.h>

#include "operators/algebra.h"
#include "operators/approximate_normal.h"
#include "operators/fourier/fft.h"
#include "operators/masks.h"
#include "operators/mri/coil_maps.h"
#include "operators/mri/coilwise_normal.h"
#include "operators/mri/gridding.h"
#include "operators/mri/trajectory.h"

namespace recon {
namespace {

/// The eigenvalues of the circulant on a grid of at least [2H, 2W] in which A^H A sits, centred, real.
at::Tensor toeplitz_multiplier(const Shape& size, const at::Tensor& positions) {
  constexpr double accuracy = 1e-9;  // below that of any A
  // On the larger field of view the same frequencies are more cycles.
  const Shape grid{fast_fft_size(2 * size[0]), fast_fft_size(2 * size[1])};
  const at::Tensor more = at::tensor({static_cast<double>(grid[0]) / static_cast<double>(size[0]),
                                      static_cast<double>(grid[1]) / static_cast<double>(size[1])},
                                     at::kDouble);
  const Gridding gridding(grid, positions.to(at::kDouble) * more, accuracy, 2);
  const at::Tensor point_spread = gridding.adjoint(at::ones({positions.size(0)}, at::kComplexDouble));
  // With G entries of the grid: point_spread = sum_j exp(2 pi i k_j r) / sqrt(G); A^H A has sum_j exp(...) / HW;
  // eigenvalues are its unscaled transform.
  const double entries = static_cast<double>(size[0] * size[1]), of_grid = static_cast<double>(grid[0] * grid[1]);
  return at::real(fft2_centred(point_spread)).contiguous() * (of_grid / entries);
}

class Nufft final : public LinearOperator, public ApproximateNormal {
 public:
  Nufft(const TensorSpec& image, const at::Tensor& positions, const NufftOptions& options, const std::string& pattern)
      : LinearOperator(fmt::format("nufft({}, {} samples)", pattern, positions.size(0)), image,
                       {{image.shape[0], positions.size(0)}, ScalarKind::complex}),
        gridding_({image.shape[1], image.shape[2]}, positions, options.accuracy, options.oversampling),
        normal_error_(options.toeplitz ? 2 * options.accuracy : 0) {
    if (options.toeplitz)
      multiplier_ = DeviceConstant(toeplitz_multiplier({image.shape[1], image.shape[2]}, positions));
  }

  double normal_error() const override { return normal_error_; }
  const at::Tensor& multiplier() const { return multiplier_.value(); }  ///< of a Toeplitz A^H A

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return gridding_.apply(x); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return in_domain(gridding_.adjoint(y)); }
  at::Tensor do_normal(const at::Tensor& x) const override {
    if (!multiplier_.defined()) return adjoint(apply(x));
    const at::Tensor multiplier = multiplier_.like(x);
    const std::int64_t height = multiplier.size(0), width = multiplier.size(1);
    // Where in the grid does not matter to a circulant.
    const auto window = [&](const at::Tensor& large) { return large.narrow(2, 0, x.size(2)).narrow(3, 0, x.size(3)); };
    const at::Tensor padded = at::zeros({x.size(0), x.size(1), height, width}, x.options());
    window(padded).copy_(x);
    return in_domain(window(ifft2_centred(fft2_centred(padded).mul_(multiplier))));
  }
  at::Tensor in_domain(const at::Tensor& x) const {
    return (domain().scalar == ScalarKind::real ? at::real(x) : x).clone(at::MemoryFormat::Contiguous);
  }

  Gridding gridding_;
  double normal_error_;
  DeviceConstant multiplier_;
};

/// A scan, of one coil (no maps) or of several.
struct NonCartesianOptions {
  Trajectory trajectory;
  NufftOptions transform;
  CoilMapOptions coils{.coil_maps = {}, .coils = 0};

  void visit(ParameterVisitor& v) {
    trajectory.visit(v);
    transform.visit(v);
    coils.visit(v);
  }
};

OperatorPtr nufft_from(const NonCartesianOptions& options, const TensorSpec& image, const std::string& location) {
  const at::Tensor positions = options.trajectory.on(image, location);
  const std::string pattern = to_string(options.trajectory.pattern);
  const CoilMapOptions& coils = options.coils;
  if (!coils.coil_maps.defined() && coils.coils == 0) return make_nufft(image, positions, options.transform, pattern);
  const LinearOperatorPtr maps = make_coil_maps(image, coils.on(image), location);
  require_image(maps->range(), "nufft");
  const auto nufft = std::make_shared<Nufft>(maps->range(), positions, options.transform, pattern);
  const OperatorPtr composed = compose(nufft, maps);
  if (!options.transform.toeplitz) return composed;
  return with_coilwise_normal(as_linear(composed, location), shared_coil_maps(*maps), nufft->multiplier());
}

}  // namespace

void NufftOptions::visit(ParameterVisitor& v) {
  v.field("accuracy", accuracy, "relative error of the transform", {.min = 1e-9, .max = 0.1});
  v.field("oversampling", oversampling, "grid points per frequency of the image", {.min = 1.5, .max = 4});
  v.field("toeplitz", toeplitz, "A^H A as a convolution: faster, equal up to the accuracy");
}

LinearOperatorPtr make_nufft(const TensorSpec& image, const at::Tensor& positions, const NufftOptions& options,
                             const std::string& pattern) {
  require_image(image, "nufft");
  return std::make_shared<Nufft>(image, positions, options, pattern);
}

OperatorKind nufft_kind() {
  return OperatorKind::of<NonCartesianOptions>(
      {.name = "nufft",
       .summary = "non-Cartesian Fourier samples (radial, spiral, any positions), of one or many coils",
       .examples =
           {R"({"type": "nufft", "spokes": 5, "readout": 12})",
            R"({"type": "nufft", "pattern": "spiral", "interleaves": 4, "turns": 2, "readout": 40})",
            R"({"type": "nufft", "positions": [[0, 0], [3, 1.5], [-4.2, 2], [1, -5.5], [-2.5, -3.25]], "coils": 3,
                           "accuracy": 1e-6})"}},
      nufft_from);
}

}  // namespace recon
