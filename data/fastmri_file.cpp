#include "data/fastmri_file.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

#include "recon/core/error.h"
#include "recon/core/log.h"

namespace recon {
namespace {

constexpr const char* layout = "expected the layout of fastMRI (data/fastmri_file.h)";

hdf5::Dataset open_kspace(const hdf5::File& file) {
  if (!file.has("kspace")) {
    throw data_error(file.location(), "{}: a dataset 'kspace', there is none; `recon inspect` lists what there is",
                     layout);
  }
  hdf5::Dataset kspace = file.dataset("kspace");
  const Shape& shape = kspace.shape();
  if (shape.size() == 4) {
    throw data_error(
        kspace.location(),
        "holds {} coils, {}; `format: fastmri` reads single-coil files [slice, y, x]. `recon import` makes "
        "a measurement file of it, with the operator `sense` and coil maps",
        shape[1], to_string(shape));
  }
  if (shape.size() != 3 || shape[0] < 1 || shape[1] < 1 || shape[2] < 1 || !c10::isComplexType(kspace.dtype())) {
    throw data_error(kspace.location(), "{}: complex [slice, y, x], got {} of {}; describe it by `format: dataset`",
                     layout, kspace.type_name(), to_string(shape));
  }
  return kspace;
}

/// Along `axis` of the centred image: to the image, its centre, back.
at::Tensor cut_centre(const at::Tensor& kspace, std::int64_t axis, std::int64_t extent) {
  if (kspace.size(axis) == extent) return kspace;
  const auto along = at::IntArrayRef(axis);
  const at::Tensor image = at::fft_fftshift(at::fft_ifft(at::fft_ifftshift(kspace, along), {}, axis, "ortho"), along);
  // fftshift puts the centre at n / 2, before and after.
  const at::Tensor cut = image.narrow(axis, image.size(axis) / 2 - extent / 2, extent);
  return at::fft_fftshift(at::fft_fft(at::fft_ifftshift(cut, along), {}, axis, "ortho"), along);
}

/// Whether the mask [y, x] is the same all along an axis.
bool constant_along(const at::Tensor& mask, std::int64_t axis) {
  return mask.eq(mask.narrow(axis, 0, 1)).all().item<bool>();
}

}  // namespace

FastMriFile::FastMriFile(hdf5::File file) : file_(std::move(file)), kspace_(open_kspace(file_)) {}

FastMriFile FastMriFile::open(const std::string& path, const std::optional<Shape>& crop) {
  FastMriFile file(hdf5::File::open(path));
  file.read_mask();
  file.leave_out_zeros();
  file.decide_size(crop);
  return file;
}

void FastMriFile::read_mask() {
  const std::int64_t height = kspace_.shape()[1], width = kspace_.shape()[2];
  full_mask_ = at::ones({height, width}, at::kFloat);
  if (!file_.has("mask")) return;
  const auto stored = file_.dataset("mask");
  const Shape& shape = stored.shape();
  if (shape != Shape{width} && shape != Shape{height, width}) {
    throw data_error(stored.location(),
                     "expected [x] = [{}] or [y, x] = [{}, {}] like kspace, got {}; correct the mask", width, height,
                     width, to_string(shape));
  }
  const at::Tensor mask = stored.read().to(at::kFloat);
  if (!mask.eq(0).logical_or(mask.eq(1)).all().item<bool>() || !mask.any().item<bool>()) {
    throw data_error(stored.location(), "expected zeros and ones with a one among them; correct the mask");
  }
  full_mask_ = mask.expand({height, width}).contiguous();
}

void FastMriFile::leave_out_zeros() {
  const at::Tensor columns = (kspace_.read_item(count() / 2) != 0).any(0);
  const at::Tensor empty = full_mask_.any(0).logical_and(columns.logical_not());
  const auto zeros = empty.sum().item<std::int64_t>();
  if (zeros == 0) return;
  if (zeros == full_mask_.any(0).sum().item<std::int64_t>()) {
    const bool masked = columns.any().item<bool>();
    throw data_error(kspace_.location(), "{}",
                     masked ? "all data are zero where the mask says measured: it is the wrong way round, or another's"
                            : "the middle slice is zero throughout");
  }
  full_mask_ = full_mask_ * columns;
  log::warn("{}: {} of {} columns are exactly zero{}: taken as not measured", kspace_.location(), zeros,
            full_mask_.size(1), file_.has("mask") ? " where the mask says measured" : ", and there is no mask");
}

Shape FastMriFile::wanted_size(const std::optional<Shape>& crop) {
  const Shape whole = {kspace_.shape()[1], kspace_.shape()[2]};
  Shape size = whole;
  for (const char* name : {"reconstruction_esc", "reconstruction_rss"}) {
    if (truth_ || !file_.has(name)) continue;
    truth_ = file_.dataset(name);
    const Shape& shape = truth_->shape();
    const bool fits = shape.size() == 3 && shape[0] == count() && shape[1] >= 1 && shape[2] >= 1 &&
                      shape[1] <= whole[0] && shape[2] <= whole[1] && c10::isFloatingType(truth_->dtype());
    if (!fits) {
      throw data_error(truth_->location(), "{}: floats [slice, Y, X] no larger than kspace {}, got {} of {}", layout,
                       to_string(kspace_.shape()), truth_->type_name(), to_string(shape));
    }
    size = {shape[1], shape[2]};
  }
  for (std::size_t i = 0; crop && i < 2; ++i) {
    size[i] = crop->at(i) == 0 ? whole[i] : crop->at(i);
    if (size[i] < 1 || size[i] > whole[i]) {
      throw data_error(kspace_.location(), "a crop to {} was asked for, the images have {}; choose a smaller one",
                       to_string(*crop), to_string(whole));
    }
  }
  return size;
}

void FastMriFile::decide_size(const std::optional<Shape>& crop) {
  Shape size = wanted_size(crop);
  mask_ = full_mask_;
  for (const std::int64_t axis : {0, 1}) {
    auto& extent = size[static_cast<std::size_t>(axis)];
    if (constant_along(full_mask_, axis)) {
      mask_ = mask_.narrow(axis, 0, extent);
    } else {
      extent = full_mask_.size(axis);
    }
  }
  mask_ = mask_.contiguous();
  measurement_ = {{1, size[0], size[1]}, ScalarKind::complex};
  if (truth_ && (truth_->shape()[1] != size[0] || truth_->shape()[2] != size[1])) {
    log::warn("{}: {} is no ground truth for the images {}: they are not cut along an undersampled axis",
              truth_->location(), to_string(truth_->shape()), to_string(size));
    truth_.reset();
  }
  if (!file_.has_attribute("max")) return;
  const double value = file_.number_attribute("max");
  if (std::isfinite(value) && value > 0) brightest_ = value;
}

at::Tensor FastMriFile::item(std::int64_t index) const {
  at::Tensor y = kspace_.read_item(index).to(at::kComplexDouble) * full_mask_;
  require_finite(y, fmt::format("{} slice {}", kspace_.location(), index));
  y = cut_centre(y, 0, measurement_.shape[1]);
  y = cut_centre(y, 1, measurement_.shape[2]);
  return y.to(at::kComplexFloat).unsqueeze(0).contiguous();
}

at::Tensor FastMriFile::ground_truth(std::int64_t index) const {
  const at::Tensor image = truth_->read_item(index).to(at::kFloat).unsqueeze(0);
  require_finite(image, fmt::format("{} slice {}", truth_->location(), index));
  return image;
}

}  // namespace recon
