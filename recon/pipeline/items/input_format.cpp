#include "recon/pipeline/items/input_format.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "data/hdf5/hdf5_file.h"
#include "data/result_file.h"
#include "recon/core/error.h"

namespace recon {

ExternalFile with_numbers(ExternalFile file, const StoredNumbers& numbers, const std::string& path) {
  const double offset = numbers.offset / file.full_scale;
  const double scale = numbers.scale ? *numbers.scale * file.full_scale : 1;
  if (offset != 0 && file.measurement.scalar == ScalarKind::complex) {
    throw usage_error(path, "input: `offset` is for real numbers, these are complex; leave it out");
  }
  if (offset == 0 && scale == 1) return file;
  const double size = std::abs(scale);
  file.y = [y = std::move(file.y), offset, scale](std::int64_t index) {
    const at::Tensor values = y(index);
    return (offset == 0 ? values : values - offset) * scale;
  };
  if (file.truth) {
    file.truth = [truth = std::move(file.truth), offset, size](std::int64_t i) { return (truth(i) - offset) * size; };
  }
  if (file.brightest) *file.brightest = (*file.brightest - offset) * size;
  if (file.noise) file.noise = scaled(*file.noise, scale);
  if (file.std_map) {
    file.std_map = [std_map = std::move(file.std_map), size](std::int64_t i) { return std_map(i) * size; };
  }
  if (file.range) {
    const double low = (file.range->low - offset) * scale, high = (file.range->high - offset) * scale;
    file.range = ImageRange{std::min(low, high), std::max(low, high)};
  }
  return file;
}

Noise scaled(Noise noise, double scale) {
  for (double& std : noise.std) std *= std::abs(scale);
  noise.peak /= std::abs(scale);
  return noise;
}

Registry<InputFormat>& mutable_input_formats() {
  static Registry<InputFormat> formats(
      "input format",
      {dataset_format(), mat_format(), nxtomo_format(), fastmri_format(), tiff_stack_format(), picture_format(),
       fits_format(), npy_format(), npz_format(), nifti_format(), dicom_format(), raw_format()});
  return formats;
}

const Registry<InputFormat>& input_formats() { return mutable_input_formats(); }

const InputFormat* recognised_format(const std::string& path) {
  if (std::filesystem::is_directory(path)) {
    for (const InputFormat& format : input_formats()) {
      if (format.reads_folders && format.recognises(path)) return &format;
    }
    return nullptr;
  }
  if (!std::filesystem::is_regular_file(path)) return nullptr;
  if (hdf5::File::looks_like_hdf5(path) && !hdf5_format(path).empty()) return nullptr;
  for (const bool last_resort : {false, true}) {
    for (const InputFormat& format : input_formats()) {
      if (format.last_resort == last_resort && format.recognises && format.recognises(path)) return &format;
    }
  }
  return nullptr;
}

}  // namespace recon
