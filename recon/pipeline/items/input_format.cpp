#include "recon/pipeline/items/input_format.h"

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>

#include "data/hdf5/hdf5_file.h"
#include "data/result_file.h"

namespace recon {

ExternalFile scaled(ExternalFile file, double scale) {
  if (scale == 1) return file;
  file.y = [y = std::move(file.y), scale](std::int64_t index) { return y(index) * scale; };
  const double size = std::abs(scale);
  if (file.truth) {
    file.truth = [truth = std::move(file.truth), size](std::int64_t index) { return truth(index) * size; };
  }
  if (file.brightest) *file.brightest *= size;
  if (file.noise) file.noise = scaled(*file.noise, scale);
  return file;
}

Noise scaled(Noise noise, double scale) {
  for (double& std : noise.std) std *= std::abs(scale);
  noise.peak /= std::abs(scale);
  return noise;
}

Registry<InputFormat>& mutable_input_formats() {
  static Registry<InputFormat> formats("input format", {dataset_format(), fastmri_format(), picture_format(), fits_format(), npy_format()});
  return formats;
}

const Registry<InputFormat>& input_formats() { return mutable_input_formats(); }

const InputFormat* recognised_format(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) return nullptr;
  if (hdf5::File::looks_like_hdf5(path) && !hdf5_format(path).empty()) return nullptr;
  for (const InputFormat& format : input_formats()) {
    if (format.recognises && format.recognises(path)) return &format;
  }
  return nullptr;
}

}  // namespace recon
