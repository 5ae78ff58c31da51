// `format: fastmri`: single-coil volumes.
#include <ATen/ATen.h>

#include <memory>

#include "data/fastmri_file.h"
#include "data/mat_file.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

struct FastMriOptions {
  std::vector<std::int64_t> crop;

  void visit(ParameterVisitor& v) {
    v.field("crop", crop, "[Y, X] of the images, 0: as it is; default: that of the reconstruction",
            {.min = 0, .max = 0x1p31 - 1});
  }
};

ExternalFile open_fastmri(const FastMriOptions& options, const std::string& path) {
  std::optional<Shape> crop;
  if (!options.crop.empty()) crop = options.crop;
  const auto file = std::make_shared<const FastMriFile>(FastMriFile::open(path, crop));
  ExternalFile opened{.count = file->count(),
                      .measurement = file->measurement(),
                      .y = [file](std::int64_t index) { return file->item(index); },
                      .operator_config = "type: fourier\nmask: {dataset: mask}\n",
                      .operator_arrays = {{"mask", file->mask()}},
                      .brightest = file->brightest(),
                      .arbitrary_units = true};
  if (file->has_ground_truth()) opened.truth = [file](std::int64_t index) { return file->ground_truth(index); };
  return opened;
}

ExternalOpener fastmri_opener(const FastMriOptions& options, const std::string& location) {
  if (!options.crop.empty() && options.crop.size() != 2) {
    throw usage_error(location, "crop: expected [Y, X], got {} numbers", options.crop.size());
  }
  return [options](const std::string& path, const StoredNumbers& numbers) {
    return with_numbers(open_fastmri(options, path), numbers, path);
  };
}

bool is_fastmri(const std::string& path) {
  if (!hdf5::File::looks_like_hdf5(path) || is_mat(path)) return false;
  const hdf5::File file = hdf5::File::open(path);
  if (!file.has("kspace") || file.is_group("kspace")) return false;
  const hdf5::Dataset kspace = file.dataset("kspace");
  return !kspace.is_text() && kspace.shape().size() == 3 && c10::isComplexType(kspace.dtype());
}

}  // namespace

InputFormat fastmri_format() {
  InputFormat format{Kind<ExternalOpener>::of<FastMriOptions>(
      {.name = "fastmri", .summary = "single-coil volumes in the layout of the fastMRI data"}, fastmri_opener)};
  format.recognises = is_fastmri;
  format.states_operator = true;
  return format;
}

}  // namespace recon
