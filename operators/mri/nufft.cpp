#include "operators/mri/nufft.h"

#include <ATen/ATen.h>

#include "operators/algebra.h"
#include "operators/fourier/fft.h"
#include "operators/masks.h"
#include "operators/mri/coil_maps.h"
#include "operators/mri/gridding.h"
#include "operators/mri/trajectory.h"

namespace recon {
namespace {

/// The eigenvalues of the circulant on the grid [2H, 2W] in which A^H A sits, centred, real.
at::Tensor toeplitz_multiplier(const Shape& size, const at::Tensor& positions) {
  constexpr double accuracy = 1e-9;  // below that of any A
  // On the doubled field of view the same frequencies are twice as many cycles.
  const Shape doubled{2 * size[0], 2 * size[1]};
  const Gridding gridding(doubled, 2 * positions, accuracy, 2);
  const at::Tensor point_spread = gridding.adjoint(at::ones({positions.size(0)}, at::kComplexDouble));
  // point_spread = sum_j exp(2 pi i k_j r) / sqrt(4HW); A^H A has sum_j exp(...) / HW; eigenvalues are its unscaled
  // transform.
  const double entries = static_cast<double>(size[0] * size[1]);
  return at::real(fft2_centred(point_spread)).contiguous() *
         (std::sqrt(4 * entries) / entries * std::sqrt(4 * entries));
}

class Nufft final : public LinearOperator {
 public:
  Nufft(const TensorSpec& image, const at::Tensor& positions, const NufftOptions& options, const std::string& pattern)
      : LinearOperator(fmt::format("nufft({}, {} samples)", pattern, positions.size(0)), image,
                       {{image.shape[0], positions.size(0)}, ScalarKind::complex}),
        gridding_({image.shape[1], image.shape[2]}, positions, options.accuracy, options.oversampling) {
    if (options.toeplitz)
      multiplier_ = DeviceConstant(toeplitz_multiplier({image.shape[1], image.shape[2]}, positions));
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override { return gridding_.apply(x); }
  at::Tensor do_adjoint(const at::Tensor& y) const override { return in_domain(gridding_.adjoint(y)); }
  at::Tensor do_normal(const at::Tensor& x) const override {
    if (!multiplier_.defined()) return adjoint(apply(x));
    const std::int64_t height = x.size(2), width = x.size(3);
    const auto window = [&](const at::Tensor& large) {
      return large.narrow(2, height - height / 2, height).narrow(3, width - width / 2, width);
    };
    const at::Tensor padded = at::zeros({x.size(0), x.size(1), 2 * height, 2 * width}, x.options());
    window(padded).copy_(x);
    return in_domain(window(ifft2_centred(fft2_centred(padded).mul_(multiplier_.like(x)))));
  }
  at::Tensor in_domain(const at::Tensor& x) const {
    return (domain().scalar == ScalarKind::real ? at::real(x) : x).clone(at::MemoryFormat::Contiguous);
  }

  Gridding gridding_;
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
  return compose(make_nufft(maps->range(), positions, options.transform, pattern), maps);
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
