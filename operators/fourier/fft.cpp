#include "operators/fourier/fft.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "operators/fourier/fftw_plans.h"
#include "recon/core/error.h"
#include "recon/core/rounded_up.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

constexpr std::int64_t threads_pay_from =
    128 * 128;  ///< below this many pixels starting threads costs more than it saves

bool is_aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

/// Complex entries from row to row of a work array. With rows of 256 or 512 entries the columns that FFTW runs along
/// fall on few cache lines: a small gap makes its estimated plans four times as fast.
std::int64_t pitch_for(std::int64_t width) { return width % 32 == 0 ? width + 4 : width; }

/// Runs the transform on every image of contiguous CPU tensors [..., height, row entries]. The plan depends on the size
/// of an image and not on how many there are or where one lies, so that an item's digits do not depend on its batch.
void transform_images(fftw::Kind kind, const at::Tensor& in, const at::Tensor& out, std::int64_t height,
                      std::int64_t width, fftw::Along along = fftw::Along::both) {
  const std::int64_t in_bytes = height * in.size(-1) * in.element_size();
  const std::int64_t out_bytes = height * out.size(-1) * out.element_size();
  const std::int64_t images = in_bytes == 0 ? 0 : in.numel() * in.element_size() / in_bytes;
  auto* source = static_cast<char*>(in.data_ptr());
  auto* target = static_cast<char*>(out.data_ptr());
  const int threads = at::get_num_threads();
  const bool over_images = images >= threads || height * width < threads_pay_from;
  const fftw::PlanKey key{
      .kind = kind,
      .double_precision = real_dtype(in) == at::kDouble,
      .aligned = is_aligned(source) && is_aligned(target) && in_bytes % 16 == 0 && out_bytes % 16 == 0,
      .height = height,
      .width = width,
      .pitch = kind == fftw::Kind::forward || kind == fftw::Kind::backward ? in.size(-1) : 0,
      .threads = over_images || at::in_parallel_region() ? 1 : threads,
      .along = along};
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) fftw::transform(key, source + i * in_bytes, target + i * out_bytes);
  };
  if (over_images) {
    at::parallel_for(0, images, std::max<std::int64_t>(1, threads_pay_from / (height * width)), run);
  } else {
    run(0, images);
  }
}

/// out[(i + rows) mod H, (j + columns) mod W] = scale * in[i, j] in one pass; either side may have gaps behind its
/// rows.
template <class In, class Out, class Scale>
void rolled_copy(const at::Tensor& in, const at::Tensor& out, std::int64_t width, std::int64_t rows,
                 std::int64_t columns, Scale scale) {
  const std::int64_t height = in.size(-2);
  const std::int64_t in_pitch = in.size(-1);
  const std::int64_t out_pitch = out.size(-1);
  const In* source = in.const_data_ptr<In>();
  Out* target = out.data_ptr<Out>();
  const std::int64_t grain = std::max<std::int64_t>(1, threads_pay_from / width);
  at::parallel_for(0, in.numel() / in_pitch, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t row = line % height;
      const In* from = source + line * in_pitch;
      Out* to = target + (line - row + (row + rows) % height) * out_pitch;
      for (std::int64_t j = 0; j < width - columns; ++j) to[j + columns] = Out(from[j] * scale);
      for (std::int64_t j = width - columns; j < width; ++j) to[j + columns - width] = Out(from[j] * scale);
    }
  });
}

template <class Real>
at::Tensor centred_on_cpu(const at::Tensor& x, fftw::Kind kind) {
  using Complex = c10::complex<Real>;
  const std::int64_t height = x.size(-2);
  const std::int64_t width = x.size(-1);
  const at::Tensor in = resolved(x);
  const auto options = in.options().dtype(complex_dtype(in));
  Shape work_shape = shape_of(in);
  work_shape.back() = pitch_for(width);
  const at::Tensor work = at::empty(work_shape, options);
  const at::Tensor out = at::empty(in.sizes(), options);
  // ifftshift rolls by -floor(n / 2) = ceil(n / 2), fftshift by floor(n / 2).
  const Real scale = Real(1) / std::sqrt(static_cast<Real>(height * width));
  if (in.is_complex()) {
    rolled_copy<Complex, Complex>(in, work, width, (height + 1) / 2, (width + 1) / 2, scale);
  } else {
    rolled_copy<Real, Complex>(in, work, width, (height + 1) / 2, (width + 1) / 2, scale);
  }
  transform_images(kind, work, work, height, width);
  rolled_copy<Complex, Complex>(work, out, width, height / 2, width / 2, Real(1));
  return out;
}

at::Tensor centred(const at::Tensor& x, fftw::Kind kind) {
  if (x.dim() < 2) throw internal_error("fft2_centred", "expected at least two axes, got {}", x.dim());
  if (x.is_cpu()) {
    return real_dtype(x) == at::kDouble ? centred_on_cpu<double>(x, kind) : centred_on_cpu<float>(x, kind);
  }
  const std::vector<std::int64_t> axes{-2, -1};
  const at::Tensor shifted = at::fft_ifftshift(x, axes);
  const at::Tensor spectrum = kind == fftw::Kind::forward
                                  ? at::fft_fft2(shifted, at::OptionalIntArrayRef(), axes, "ortho")
                                  : at::fft_ifft2(shifted, at::OptionalIntArrayRef(), axes, "ortho");
  return at::fft_fftshift(spectrum, axes);
}

}  // namespace

at::Tensor fft2_centred(const at::Tensor& x) { return centred(x, fftw::Kind::forward); }

at::Tensor ifft2_centred(const at::Tensor& k) { return centred(k, fftw::Kind::backward); }

at::Tensor fft3_centred(const at::Tensor& x) {
  if (x.dim() < 3) throw internal_error("fft3_centred", "expected at least three axes, got {}", x.dim());
  return at::fft_fftshift(at::fft_fft(at::fft_ifftshift(fft2_centred(x), {{-3}}), std::nullopt, -3, "ortho"), {{-3}});
}

at::Tensor ifft3_centred(const at::Tensor& k) {
  if (k.dim() < 3) throw internal_error("ifft3_centred", "expected at least three axes, got {}", k.dim());
  return at::fft_fftshift(at::fft_ifft(at::fft_ifftshift(ifft2_centred(k), {{-3}}), std::nullopt, -3, "ortho"), {{-3}});
}

ImageFilter::ImageFilter(const at::Tensor& multiplier) : height_(multiplier.size(-2)), width_(multiplier.size(-1)) {
  at::Tensor m = at::fft_ifftshift(multiplier, std::vector<std::int64_t>{-2, -1});
  const bool along_rows = (m != m.select(-1, 0).unsqueeze(-1)).any().item<bool>();
  const bool along_columns = (m != m.select(-2, 0).unsqueeze(-2)).any().item<bool>();
  axes_ = along_rows ? (along_columns ? Axes::both : Axes::rows) : along_columns ? Axes::columns : Axes::none;
  const std::int64_t transformed = (along_rows ? width_ : 1) * (along_columns ? height_ : 1);
  if (!along_columns) m = m.narrow(-2, 0, 1);
  multiplier_ = DeviceConstant(m.unsqueeze(-1).expand({-1, -1, 2}).flatten(-2) / static_cast<double>(transformed));
}

at::Tensor ImageFilter::work(std::int64_t count, const at::TensorOptions& options) const {
  const bool gaps = axes_ == Axes::both || axes_ == Axes::columns;
  return at::empty({count, height_, gaps ? pitch_for(width_) : width_}, options).narrow(-1, 0, width_);
}

void ImageFilter::apply_(const at::Tensor& images) const {
  const auto run = [&](fftw::Kind kind) {
    if (axes_ == Axes::none) return;
    const at::Tensor rows = images.as_strided({images.size(0), height_, images.stride(1)}, images.strides());
    const auto along = axes_ == Axes::rows      ? fftw::Along::rows
                       : axes_ == Axes::columns ? fftw::Along::columns
                                                : fftw::Along::both;
    transform_images(kind, rows, rows, height_, width_, along);
  };
  run(fftw::Kind::forward);
  at::view_as_real(images).flatten(-2).mul_(multiplier_.like(at::view_as_real(images)));
  run(fftw::Kind::backward);
}

at::Tensor rfft2(const at::Tensor& x) {
  if (x.dim() < 2 || x.is_complex()) throw internal_error("rfft2", "expected a real tensor of at least two axes");
  if (!x.is_cpu()) return at::fft_rfft2(x);
  const at::Tensor in = resolved(x);
  Shape shape = shape_of(in);
  shape.back() = shape.back() / 2 + 1;
  const at::Tensor out = at::empty(shape, in.options().dtype(complex_dtype(in)));
  transform_images(fftw::Kind::real_to_half, in, out, in.size(-2), in.size(-1));
  return out;
}

at::Tensor irfft2(at::Tensor half_spectrum, std::int64_t width) {
  if (half_spectrum.dim() < 2 || !half_spectrum.is_complex() || half_spectrum.size(-1) != width / 2 + 1) {
    throw internal_error("irfft2", "expected the half spectrum of an image of width {}", width);
  }
  const std::int64_t height = half_spectrum.size(-2);
  if (!half_spectrum.is_cpu()) {
    const std::vector<std::int64_t> size{height, width};
    return at::fft_irfft2(half_spectrum, size, {{-2, -1}}, "forward");  // "forward": the inverse is left unscaled
  }
  const at::Tensor in = resolved(half_spectrum);
  Shape shape = shape_of(in);
  shape.back() = width;
  const at::Tensor out = at::empty(shape, in.options().dtype(real_dtype(in)));
  transform_images(fftw::Kind::half_to_real, in, out, height, width);
  return out;
}

at::Tensor rfft3(const at::Tensor& x) {
  if (x.dim() < 3) throw internal_error("rfft3", "expected at least three axes, got {}", x.dim());
  return at::fft_fft(rfft2(x), std::nullopt, -3, "backward");  // "backward": the forward transform is left unscaled
}

at::Tensor irfft3(at::Tensor half_spectrum, std::int64_t width) {
  if (half_spectrum.dim() < 3) throw internal_error("irfft3", "expected at least three axes");
  return irfft2(at::fft_ifft(half_spectrum, std::nullopt, -3, "forward"), width);
}

std::int64_t fast_fft_size(std::int64_t n) {
  for (std::int64_t size = rounded_up(n, 2);; size += 2) {
    std::int64_t rest = size;
    for (const std::int64_t prime : {2, 3, 5}) {
      while (rest % prime == 0) rest /= prime;
    }
    if (rest == 1) return size;
  }
}

}  // namespace recon
