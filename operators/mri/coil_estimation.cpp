#include "operators/mri/coil_estimation.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "operators/fourier/fft.h"
#include "operators/mri/channels.h"
#include "operators/mri/dominant_eigenvectors.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

/// Vectors [coils, pixels] with the phase at which `reference`^H v is real and positive.
at::Tensor phase_fixed(const at::Tensor& vectors, const at::Tensor& reference) {
  const at::Tensor projection = at::matmul(reference.to(vectors.scalar_type()).conj(), vectors);
  return vectors * projection.conj().resolve_conj().sgn_().where(projection != 0, at::ones_like(projection));
}

/// The coils' dominant direction over the calibration data, [coils].
at::Tensor dominant_direction(const at::Tensor& centre) {
  return compression_matrix(centre.flatten(1), 1)[0].conj().resolve_conj();
}

/// V V^H of the blocks [coils k k, coils k k], V the singular vectors above the threshold.
at::Tensor block_projection(const at::Tensor& centre, std::int64_t kernel, double threshold) {
  const at::Tensor blocks = centre.unfold(1, kernel, 1).unfold(2, kernel, 1);  // [coils, rows, columns, k, k]
  const at::Tensor vectors = blocks.permute({0, 3, 4, 1, 2}).reshape({centre.size(0) * kernel * kernel, -1});
  const auto [energy, v] = at::linalg_eigh(at::matmul(vectors, vectors.conj().t()));
  const double largest = energy.max().item<double>();
  const std::int64_t rank = (energy > threshold * largest).sum().item<std::int64_t>();
  const at::Tensor signal = v.narrow(1, v.size(1) - rank, rank);
  return at::matmul(signal, signal.conj().t());
}

/// h[c, c', e] = sum over d' - d = e of P[(c, d), (c', d')] / k²: the projection of all blocks, averaged, as a
/// convolution y_c(k) <- sum_{c', e} h y_c'(k + e). [coils, coils, 2k-1, 2k-1], e = 0 in the middle.
at::Tensor averaged_projection(const at::Tensor& projection, std::int64_t coils, std::int64_t kernel) {
  const std::int64_t k = kernel;
  const at::Tensor p = projection.view({coils, k, k, coils, k, k}).permute({0, 3, 1, 2, 4, 5});
  const at::Tensor h = at::zeros({coils, coils, 2 * k - 1, 2 * k - 1}, projection.options());
  for (std::int64_t i = 0; i < k; ++i) {
    for (std::int64_t j = 0; j < k; ++j) {
      h.narrow(2, k - 1 - i, k).narrow(3, k - 1 - j, k).add_(p.select(2, i).select(2, j));
    }
  }
  return h / static_cast<double>(k * k);
}

/// exp(-2 pi i e r / n) for pixels r (0 at n / 2) and shifts e = -(k-1) .. k-1, [n, 2k-1].
at::Tensor shift_phases(std::int64_t n, std::int64_t kernel) {
  const at::Tensor r = at::arange(n, at::kDouble) - static_cast<double>(n / 2);
  const at::Tensor e = at::arange(1 - kernel, kernel, at::kDouble);
  const at::Tensor angle = r.unsqueeze(1) * e.unsqueeze(0) * (-2 * M_PI / static_cast<double>(n));
  return at::polar(at::ones_like(angle), angle);
}

at::Tensor espirit_maps(const CoilEstimation& options, const at::Tensor& centre, const Shape& size) {
  const std::int64_t coils = centre.size(0), height = size[0], width = size[1];
  const at::Tensor h =
      averaged_projection(block_projection(centre, options.kernel, options.threshold), coils, options.kernel)
          .to(at::kComplexFloat);
  const at::Tensor row_phases = shift_phases(height, options.kernel).to(at::kComplexFloat);
  const at::Tensor column_phases = shift_phases(width, options.kernel).to(at::kComplexFloat);
  const at::Tensor reference = dominant_direction(centre);
  // W is Hermitian: its upper triangle will do.
  const auto [i, j] = upper_triangle(coils);
  const at::Tensor along_columns = at::matmul(h.index({i, j}), column_phases.t());  // [triangle, 2k-1, W]
  const at::Tensor maps = at::empty({coils, height, width}, at::kComplexFloat);
  // Some rows at a time: all of W at once is coils² images.
  const std::int64_t rows_at_once = std::max<std::int64_t>(1, (std::int64_t{1} << 22) / (i.size(0) * width));
  for (std::int64_t row = 0; row < height; row += rows_at_once) {
    const std::int64_t rows = std::min(rows_at_once, height - row);
    const at::Tensor w = at::matmul(row_phases.narrow(0, row, rows), along_columns);  // [triangle, rows, W]
    const auto [vectors, values] = dominant_eigenvectors(w.flatten(1));
    const at::Tensor cropped = phase_fixed(vectors, reference).mul_(values >= options.crop);
    maps.narrow(1, row, rows).copy_(cropped.view({coils, rows, width}));
  }
  return maps;
}

/// Coil images of the centre alone, [coils, H, W].
at::Tensor low_resolution_images(const at::Tensor& centre, const Shape& size) {
  const std::int64_t rows = centre.size(1), columns = centre.size(2);
  // Without the zeros at its ends, so that every sample counts.
  const auto hann = [](std::int64_t n) {
    return at::hann_window(n + 2, /*periodic=*/false, at::kDouble).narrow(0, 1, n);
  };
  const at::Tensor padded = at::zeros({centre.size(0), size[0], size[1]}, centre.options());
  padded.narrow(1, size[0] / 2 - rows / 2, rows)
      .narrow(2, size[1] / 2 - columns / 2, columns)
      .copy_(centre * hann(rows).unsqueeze(1) * hann(columns));
  return ifft2_centred(padded);
}

at::Tensor unit_vectors(const at::Tensor& vectors) {
  return vectors / vectors.abs().square().sum(0, /*keepdim=*/true).sqrt().clamp_min(1e-300);
}

at::Tensor walsh_maps(const CoilEstimation& options, const at::Tensor& centre, const Shape& size) {
  const at::Tensor images = low_resolution_images(centre, size);
  const std::int64_t coils = images.size(0);
  const auto [i, j] = upper_triangle(coils);
  const at::Tensor products = images.index_select(0, i) * images.index_select(0, j).conj();  // [triangle, H, W]
  const auto averaged = [&](const at::Tensor& part) {
    const std::int64_t border = options.window / 2;
    return at::avg_pool2d(part.contiguous(), {options.window, options.window}, {1, 1}, {border, border});
  };
  const at::Tensor covariance = at::complex(averaged(at::real(products)), averaged(at::imag(products)));
  const at::Tensor vectors = dominant_eigenvectors(covariance.flatten(1)).first;
  return phase_fixed(vectors, dominant_direction(centre)).view({coils, size[0], size[1]});
}

at::Tensor sum_of_squares_maps(const at::Tensor& centre, const Shape& size) {
  const at::Tensor images = unit_vectors(low_resolution_images(centre, size));
  return phase_fixed(images.flatten(1), dominant_direction(centre)).view_as(images);
}

}  // namespace

void CoilEstimation::visit(ParameterVisitor& v) {
  v.choice("method", method, "how coil maps are found in the calibration centre");
  v.field("calibration", calibration, "lines of the fully sampled centre that are used, a side, at most", {.min = 4});
  v.field("kernel", kernel, "espirit: side of the blocks of k-space", {.min = 2, .max = 16});
  v.field("threshold", threshold, "espirit: squared singular values kept, relative to the largest",
          {.min = 0, .max = 1, .open_min = true});
  v.field("crop", crop, "espirit: the maps are 0 where the eigenvalue is below this (BART: 0.8); 0: nowhere",
          {.min = 0, .max = 1});
  v.field("window", window, "walsh: side of the averaged neighbourhood in pixels, odd", {.min = 1, .max = 63});
}

std::int64_t CoilEstimation::smallest_centre() const {
  constexpr std::int64_t smallest = 4;
  return method == CoilMethod::espirit ? kernel + 1 : smallest;
}

at::Tensor CoilEstimation::maps(const at::Tensor& kspace, const std::string& location) const {
  if (kspace.dim() != 3 || !kspace.is_complex()) {
    throw data_error(location, "coil maps are estimated from k-space, complex [coils, height, width]; found {}",
                     to_string(shape_of(kspace)));
  }
  if (window % 2 == 0) throw usage_error(location, "window: expected an odd number, found {}", window);
  const at::Tensor centre =
      calibration_centre(kspace, smallest_centre(), calibration, location).to(at::kCPU, at::kComplexDouble);
  const Shape size{kspace.size(1), kspace.size(2)};
  at::Tensor found;
  if (method == CoilMethod::espirit) found = espirit_maps(*this, centre, size);
  if (method == CoilMethod::walsh) found = walsh_maps(*this, centre, size);
  if (method == CoilMethod::sum_of_squares) found = sum_of_squares_maps(centre, size);
  return found.to(kspace.device(), kspace.scalar_type()).resolve_conj().contiguous();
}

}  // namespace recon
