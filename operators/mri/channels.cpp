#include "operators/mri/channels.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "operators/fourier/fft.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

at::Tensor sampled_positions(const at::Tensor& kspace) { return (kspace != 0).any(0); }

/// A range of `count` lines with n / 2 in its middle (below it when even).
struct Lines {
  std::int64_t n = 0, count = 1;
  std::int64_t first() const { return n / 2 - count / 2; }
};

bool all_sampled(const at::Tensor& sampled, const Lines& rows, const Lines& columns) {
  return sampled.narrow(0, rows.first(), rows.count).narrow(1, columns.first(), columns.count).all().item<bool>();
}

/// The largest block around the zero frequency in which everything is sampled, grown line by line.
struct CentralBlock {
  bool sampled = false;  ///< the zero frequency
  Lines rows, columns;

  at::Tensor of(const at::Tensor& kspace) const {
    return kspace.narrow(1, rows.first(), rows.count).narrow(2, columns.first(), columns.count);
  }
};

CentralBlock central_block(const at::Tensor& kspace, std::int64_t largest) {
  const at::Tensor positions = sampled_positions(kspace).cpu();
  CentralBlock block{.sampled = false, .rows = {kspace.size(1), 1}, .columns = {kspace.size(2), 1}};
  block.sampled = all_sampled(positions, block.rows, block.columns);
  for (bool grown = block.sampled; grown;) {
    grown = false;
    for (Lines* side : {&block.rows, &block.columns}) {
      if (side->count >= std::min(largest, side->n)) continue;
      ++side->count;
      if (all_sampled(positions, block.rows, block.columns)) {
        grown = true;
      } else {
        --side->count;
      }
    }
  }
  return block;
}

at::Tensor as_double(const at::Tensor& x) { return x.to(at::kCPU, at::kComplexDouble); }

}  // namespace

at::Tensor calibration_centre(const at::Tensor& kspace, std::int64_t smallest, std::int64_t largest,
                              const std::string& location) {
  const CentralBlock block = central_block(kspace, largest);
  if (!block.sampled) {
    throw data_error(location,
                     "expected a sampled zero frequency, at [{}, {}], to calibrate from, it is not; acquire a fully "
                     "sampled centre",
                     kspace.size(1) / 2, kspace.size(2) / 2);
  }
  if (block.rows.count < smallest || block.columns.count < smallest) {
    throw data_error(location,
                     "expected a fully sampled centre of k-space of at least {0} x {0} to calibrate from, found {1} x "
                     "{2} at [{3}, {4}]; give coil maps instead",
                     smallest, block.rows.count, block.columns.count, kspace.size(1) / 2, kspace.size(2) / 2);
  }
  return block.of(kspace);
}

at::Tensor find_calibration_centre(const at::Tensor& kspace, std::int64_t smallest, std::int64_t largest) {
  const CentralBlock block = central_block(kspace, largest);
  const bool found = block.sampled && block.rows.count >= smallest && block.columns.count >= smallest;
  return found ? block.of(kspace) : at::Tensor();
}

at::Tensor background_samples(const at::Tensor& kspace, const std::string& location) {
  const std::int64_t coils = kspace.size(0), height = kspace.size(1), width = kspace.size(2);
  constexpr std::int64_t least_columns = 8, least_rows = 32, share = 8, samples_per_coil = 8;
  const at::Tensor outer = (at::arange(width) - width / 2).abs() >= width / 4;
  const at::Tensor whole = sampled_positions(kspace).cpu().all(0).logical_and(outer).nonzero().squeeze(1);
  const std::int64_t columns = whole.size(0) / 2, rows = height / share;
  if (whole.size(0) < least_columns || height < least_rows || 2 * rows * columns < samples_per_coil * coils) {
    return corner_samples(kspace, location);
  }
  const std::vector<std::int64_t> along{1};
  const at::Tensor lines = as_double(kspace).index_select(2, whole);
  const at::Tensor image = at::fft_fftshift(at::fft_ifft(at::fft_ifftshift(lines, along), {}, 1, "ortho"), along);
  const at::Tensor halves[] = {image.slice(2, 0, 2 * columns, 2), image.slice(2, 1, 2 * columns, 2)};
  const auto air = [&](const at::Tensor& half) {
    const at::Tensor energy = half.abs().square();
    const at::Tensor equal = energy / energy.mean(c10::IntArrayRef{1, 2}, /*keepdim=*/true).clamp_min(1e-300);
    return std::get<1>(equal.mean(c10::IntArrayRef{0, 2}).topk(rows, 0, /*largest=*/false));
  };
  return at::cat(
      {halves[0].index_select(1, air(halves[1])).flatten(1), halves[1].index_select(1, air(halves[0])).flatten(1)}, 1);
}

at::Tensor corner_samples(const at::Tensor& kspace, const std::string& location) {
  const auto axis = [&](std::int64_t dim) {
    const auto half = static_cast<double>(kspace.size(dim)) / 2;
    return ((at::arange(kspace.size(dim), at::kDouble) - static_cast<double>(kspace.size(dim) / 2)) / half).square();
  };
  const at::Tensor corner = axis(1).view({-1, 1}) + axis(2).view({1, -1}) > 1;
  const at::Tensor wanted = corner.logical_and(sampled_positions(kspace).cpu()).flatten().nonzero().squeeze(1);
  constexpr std::int64_t samples_per_coil = 8;
  if (wanted.numel() < samples_per_coil * kspace.size(0)) {
    throw data_error(location,
                     "expected at least {} samples in the corners of k-space, found {}; state the noise level",
                     samples_per_coil * kspace.size(0), wanted.numel());
  }
  return as_double(kspace).flatten(1).index_select(1, wanted);
}

at::Tensor noise_covariance(const at::Tensor& samples, const std::string& location) {
  const at::Tensor n = as_double(samples);
  const at::Tensor covariance = at::matmul(n, n.conj().t()) / (2.0 * static_cast<double>(n.size(1)));
  const at::Tensor values = at::linalg_eigvalsh(covariance);
  constexpr double smallest_share = 1e-10;
  if (n.size(1) < n.size(0) ||
      !(values.min().item<double>() > smallest_share * std::abs(values.max().item<double>()))) {
    throw data_error(location, "the noise of {} coils cannot be whitened from {} samples: the covariance is singular",
                     n.size(0), n.size(1));
  }
  return covariance;
}

at::Tensor whitening_matrix(const at::Tensor& covariance) {
  const at::Tensor lower = std::get<0>(at::linalg_cholesky_ex(covariance));
  return at::linalg_solve_triangular(lower, at::eye(lower.size(0), lower.options()), /*upper=*/false);
}

at::Tensor compression_matrix(const at::Tensor& samples, std::int64_t count) {
  const at::Tensor n = as_double(samples).flatten(1);
  const at::Tensor vectors = std::get<1>(at::linalg_eigh(at::matmul(n, n.conj().t())));  // ascending
  return vectors.flip(1).narrow(1, 0, std::min(count, n.size(0))).conj().t().resolve_conj().contiguous();
}

at::Tensor mixed_channels(const at::Tensor& matrix, const at::Tensor& data) {
  const at::Tensor mixed = at::matmul(matrix.to(data.options()), data.flatten(1));
  Shape shape = shape_of(data);
  shape[0] = matrix.size(0);
  return mixed.view(shape);
}

at::Tensor in_units_of_file_coils(const at::Tensor& matrix, const at::Tensor& maps) {
  const at::Tensor norm = root_sum_of_squares(mixed_channels(matrix, maps));
  return at::where(norm > 0, maps / norm, at::zeros({}, maps.options()));
}

at::Tensor field_of_view_cropped(const at::Tensor& kspace, std::int64_t axis, std::int64_t pixels) {
  if (pixels == kspace.size(axis)) return kspace;
  const std::int64_t first = kspace.size(axis) / 2 - pixels / 2;
  return fft2_centred(ifft2_centred(kspace).narrow(axis, first, pixels));
}

at::Tensor root_sum_of_squares(const at::Tensor& coil_images) { return coil_images.abs().square().sum(0).sqrt(); }

}  // namespace recon
