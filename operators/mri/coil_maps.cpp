#include "operators/mri/coil_maps.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include "operators/masks.h"
#include "recon/core/device_constant.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// [C, coils, (D,) H, W], complex64 if they are in single precision, else complex128.
at::Tensor checked_maps(const at::Tensor& array, const TensorSpec& image, const std::string& location) {
  require_image_or_volume(image, location);
  const auto rank = static_cast<std::int64_t>(image.shape.size());
  const at::Tensor maps = array.dim() == rank ? array.unsqueeze(0) : array;
  Shape wanted = image.shape;
  wanted.insert(wanted.begin() + 1, maps.dim() > 1 ? maps.size(1) : 0);
  if (shape_of(maps) != wanted) {
    throw usage_error(location, "expected coil maps [{}coils, {}] for {} {}, got {}",
                      image.shape[0] == 1 ? "" : std::to_string(image.shape[0]) + ", ",
                      fmt::join(image.shape.begin() + 1, image.shape.end(), ", "), rank == 3 ? "an image" : "a volume",
                      to_string(image.shape), to_string(shape_of(array)));
  }
  require_finite(maps, location + " coil_maps");
  const bool single = maps.scalar_type() == at::kFloat || maps.scalar_type() == at::kComplexFloat;
  return maps.to(at::kCPU, single ? at::kComplexFloat : at::kComplexDouble).contiguous();
}

/// sum_c |S_c|², float64, coil by coil: maps are large, and in single precision often.
at::Tensor square_sums(const at::Tensor& maps) {
  at::Tensor sums;
  for (std::int64_t coil = 0; coil < maps.size(1); ++coil) {
    const at::Tensor parts = at::view_as_real(maps.select(1, coil)).to(at::kDouble);
    const at::Tensor squares = parts.square().sum(-1);
    sums = sums.defined() ? sums.add_(squares) : squares;
  }
  return sums;
}

class CoilMaps final : public LinearOperator {
 public:
  CoilMaps(const TensorSpec& image, const at::Tensor& maps)
      : LinearOperator(fmt::format("coil maps({})", maps.size(1)), image,
                       {shape_of(maps.select(0, 0)), ScalarKind::complex}),
        shared_{DeviceConstant::as_given(maps.unsqueeze(0)), DeviceConstant::as_given(maps.conj().unsqueeze(0))},
        energy_(square_sums(maps).unsqueeze(0)) {}

  const SharedCoilMaps& shared() const { return shared_; }

  std::optional<SpectralForm> spectral() const override {
    if (domain().shape[0] > 1) return std::nullopt;  // the channels mix
    return SpectralForm{.analyze = [](const at::Tensor& x) { return x; },
                        .synthesize = [](const at::Tensor& c) { return c; },
                        .eigenvalues = [energy = energy_](const at::Tensor& like) { return energy.like(like); }};
  }

 private:
  at::Tensor do_apply(const at::Tensor& x) const override {
    const at::Tensor maps = shared_.maps.like(x);  // [1, C, coils, (D,) H, W]
    if (x.size(1) == 1) return maps[0] * x;
    return (maps * x.unsqueeze(2)).sum(1);
  }
  at::Tensor do_adjoint(const at::Tensor& y) const override {
    const at::Tensor x = (shared_.conjugate.like(y) * y.unsqueeze(1)).sum(2);
    return domain().scalar == ScalarKind::real ? at::real(x).contiguous() : x;
  }

  SharedCoilMaps shared_;
  DeviceConstant energy_;  ///< sum_c |S_c|² [1, C, (D,) H, W]
};

}  // namespace

LinearOperatorPtr make_coil_maps(const TensorSpec& image, const at::Tensor& maps, const std::string& location) {
  return std::make_shared<CoilMaps>(image, checked_maps(maps, image, location));
}

SharedCoilMaps shared_coil_maps(const LinearOperator& coil_maps) {
  return dynamic_cast<const CoilMaps&>(coil_maps).shared();
}

at::Tensor simulated_coil_maps(const TensorSpec& image, std::int64_t coils) {
  constexpr double distance = 1.7;
  const std::int64_t sets = image.shape[0];
  const Shape grid(image.shape.end() - 2, image.shape.end());
  const at::Tensor rows = at::linspace(-1, 1, grid[0], at::kDouble).view({-1, 1});
  const at::Tensor columns = at::linspace(-1, 1, grid[1], at::kDouble).view({1, -1});
  const at::Tensor z = at::complex(columns.expand(grid).contiguous(), rows.expand(grid).contiguous());
  const at::Tensor angles =
      at::arange(coils, at::kDouble).view({1, -1, 1, 1}) * (2 * M_PI / static_cast<double>(coils));
  const at::Tensor drives = at::arange(sets, at::kDouble).view({-1, 1, 1, 1}) * angles;
  const at::Tensor fields =
      at::polar(at::ones_like(drives), drives) / (z - at::polar(at::full_like(angles, distance), angles));
  const at::Tensor maps = fields / fields.abs().square().sum(1, /*keepdim=*/true).sqrt();
  if (image.shape.size() == 3) return maps;
  return maps.unsqueeze(2).expand({sets, coils, image.shape[1], grid[0], grid[1]}).contiguous();
}

void CoilMapOptions::visit(ParameterVisitor& v) {
  v.array("coil_maps", coil_maps,
          "sensitivities, complex [coils, height, width] (or [channels, coils, height, width]), of volumes with slices "
          "before height; espirit, walsh or "
          "sum_of_squares: estimated from the data of a measurement file");
  const double least = coils == 0 ? 0 : 1;
  v.field("coils", coils, "without coil_maps: so many simulated coils around the image", {.min = least, .max = 256});
}

}  // namespace recon
