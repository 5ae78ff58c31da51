#include "data/image_source.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>

#include "data/array_axes.h"
#include "data/array_file.h"
#include "data/bart_file.h"
#include "data/dicom_file.h"
#include "data/file_pattern.h"
#include "data/fits_file.h"
#include "data/nifti_file.h"
#include "data/phantom.h"
#include "data/schema.h"
#include "recon/core/error.h"
#include "recon/core/log.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

struct Opened {
  std::vector<std::string> ids;
  std::function<at::Tensor(std::int64_t)> read;
};

/// A picture file, or one page of it.
struct Frame {
  std::string path;
  std::optional<std::int64_t> page;
};

std::vector<Frame> frames_of(const std::vector<std::string>& paths) {
  std::vector<Frame> frames;
  for (const auto& path : paths) {
    const std::int64_t pages = picture_pages(path);
    if (pages == 1) frames.push_back({path, {}});
    for (std::int64_t page = 0; pages > 1 && page < pages; ++page) frames.push_back({path, page});
  }
  return frames;
}

std::vector<std::string> names_of(const std::vector<Frame>& frames, bool with_ending) {
  std::vector<std::string> names;
  for (const auto& [path, page] : frames) {
    const std::string name = (with_ending ? fs::path(path).filename() : fs::path(path).stem()).string();
    names.push_back(page ? fmt::format("{}_{}", name, *page) : name);
  }
  return names;
}

/// Dark, or fewer bits in 16? Only the user knows, so it is asked once a source.
void ask_about_bits(const StoredPicture& stored, const std::string& path) {
  const int bits = stored.used_bits();
  const double white = (1 << bits) - 1;
  log::warn(
      "{}: the values of this 16-bit picture end at {:g}, as if they had {} bits; they were divided by 65535. If {:g} "
      "is white, set image_range: [0, {:.6g}]",
      path, stored.planes.max().item<double>(), bits, white, white / 65535);
}

Opened open_files(const std::vector<std::string>& paths, const ImageReadOptions& options) {
  const auto frames = frames_of(paths);
  Opened opened;
  opened.ids = names_of(frames, false);
  // a.png beside a.jpg: the whole names keep the ids apart.
  if (std::set(opened.ids.begin(), opened.ids.end()).size() < frames.size()) opened.ids = names_of(frames, true);
  opened.read = [frames, options, asked = std::make_shared<std::atomic<bool>>(false)](std::int64_t index) {
    const auto& [path, page] = frames[static_cast<std::size_t>(index)];
    ImageReadOptions of_frame = options;
    of_frame.page = page;
    const StoredPicture stored = read_stored(path, of_frame);
    if (stored.used_bits() > 0 && !asked->exchange(true)) ask_about_bits(stored, path);
    at::Tensor image = scaled_picture(stored, options, path);
    require_finite(image, path);
    return image;
  };
  return opened;
}

bool has_pictures(const std::string& folder) {
  const fs::directory_iterator entries(folder);
  return std::any_of(begin(entries), end(entries), [](const fs::directory_entry& entry) {
    return entry.is_regular_file() && is_image_name(entry.path().string());
  });
}

Opened open_folder(const std::string& folder, const ImageReadOptions& options) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && is_image_name(entry.path().string())) paths.push_back(entry.path().string());
  }
  if (paths.empty())
    throw data_error(folder, "expected PNG, JPEG, TIFF or DICOM files, the folder has none; give another one");
  std::sort(paths.begin(), paths.end());
  return open_files(paths, options);
}

/// The slices [N, H, W] that `recon export` or another program wrote.
Opened open_slices(const at::Tensor& slices, const std::string& path, const ImageReadOptions& options) {
  require_finite(slices, path);
  return {default_ids(slices.size(0)), [slices, options](std::int64_t index) {
            return with_channels(slices[index].unsqueeze(0).contiguous(), options.channels);
          }};
}

/// Frames of a scanner, values as they are.
Opened open_dicom_images(const std::string& path, const ImageReadOptions& options) {
  const auto images = std::make_shared<const DicomImages>(DicomImages::open(path));
  return {images->ids(), [images, path, options](std::int64_t index) {
            const at::Tensor image = images->frame(index).to(at::kFloat).unsqueeze(0);
            require_finite(image, path);
            return with_channels(image, options.channels);
          }};
}

/// An array of NumPy or MATLAB, unsigned integers divided by full scale.
Opened open_array(const std::string& path, const std::string& variable, const ImageReadOptions& options) {
  const at::Tensor images = items_of_array(read_array_file(path, variable).scaled(), {}, usual_axes_of(path), path);
  if (images.size(1) != 1 && images.size(1) != 3) {
    throw data_error(path, "expected images of 1 or 3 channels, got {}", to_string(Shape(images.sizes().vec())));
  }
  require_finite(images, path);
  return {default_ids(images.size(0)), [images, options](std::int64_t index) {
            const at::Tensor one = images[index].to(images.is_complex() ? at::kComplexFloat : at::kFloat);
            return with_channels(one.contiguous(), options.channels);
          }};
}

/// BART's array of images as [slices, H, W]: readout and phase, whatever else there is one after the other.
at::Tensor slices_of_bart_stack(const std::string& path) {
  const at::Tensor array = read_bart(path);
  return array.flatten(2).permute({2, 0, 1}).contiguous();
}

double scale_of(const hdf5::Dataset& dataset) {
  const at::ScalarType dtype = dataset.dtype();
  if (dtype == at::kByte) return 255;
  if (dataset.type_name() == "16-bit unsigned integer") return 65535;
  if (c10::isFloatingType(dtype) || c10::isComplexType(dtype)) return 1;
  throw data_error(dataset.location(), "expected uint8, uint16, float or complex images, got {}; convert them",
                   dataset.type_name());
}

Opened open_dataset(const std::string& file_name, const std::string& name, const ImageReadOptions& options) {
  auto file = std::make_shared<hdf5::File>(hdf5::File::open(file_name));
  const auto dataset = std::make_shared<hdf5::Dataset>(file->dataset(name));
  const Shape& shape = dataset->shape();
  const bool single = shape.size() == 2;
  if (shape.size() < 2 || shape.size() > 4 || (shape.size() == 4 && shape[1] != 1 && shape[1] != 3)) {
    throw data_error(dataset->location(),
                     "expected images [H, W], [N, H, W] or [N, C, H, W] with C = 1 or 3, got {}; reshape",
                     to_string(shape));
  }
  const double scale = scale_of(*dataset);
  Opened opened{default_ids(single ? 1 : shape[0]), {}};
  opened.read = [file, dataset, options, scale, single](std::int64_t index) {
    at::Tensor image = single ? dataset->read() : dataset->read_item(index);
    if (image.dim() == 2) image = image.unsqueeze(0);
    if (scale != 1) image = image.to(at::kDouble).div(scale).to(at::kFloat);
    require_finite(image, fmt::format("{} image {}", dataset->location(), index));
    return with_channels(image, options.channels);
  };
  return opened;
}

}  // namespace

ImageSource ImageSource::open(const std::string& text, const ImageReadOptions& options) {
  ImageSource source;
  source.description_ = text;
  const auto colon = text.rfind(":/");
  Opened opened;
  if (const auto size = phantom_size(text)) {
    opened.ids = {"shepp_logan"};
    opened.read = [size = *size, options](std::int64_t) { return with_channels(shepp_logan(size), options.channels); };
  } else if (fs::is_directory(text)) {
    opened =
        has_pictures(text) || !is_dicom_folder(text) ? open_folder(text, options) : open_dicom_images(text, options);
  } else if (fs::is_regular_file(text) && (text.ends_with(".nii") || text.ends_with(".nii.gz"))) {
    opened = open_slices(read_nifti(text), text, options);
  } else if (fs::is_regular_file(text) && is_fits(text)) {
    const at::Tensor values = read_fits_image(text, "").values.to(at::kFloat);
    opened = open_slices(values.reshape({-1, values.size(-2), values.size(-1)}), text, options);
  } else if (fs::is_regular_file(text) && is_dicom(text)) {
    opened = open_dicom_images(text, options);
  } else if (fs::is_regular_file(text) && is_array_file(text)) {
    opened = open_array(text, "", options);
  } else if (is_file_pattern(text) && colon == std::string::npos) {
    opened = open_files(files_matching(text), options);
  } else if (fs::is_regular_file(text) && text.ends_with(".cfl")) {
    opened = open_slices(slices_of_bart_stack(text), text, options);
  } else if (fs::is_regular_file(text)) {
    opened = open_files({text}, options);
  } else if (colon != std::string::npos && fs::is_regular_file(text.substr(0, colon))) {
    const std::string file = text.substr(0, colon), name = text.substr(colon + 2);
    opened = is_array_file(file) ? open_array(file, name, options) : open_dataset(file, name, options);
  } else {
    throw data_error(
        text,
        "expected a picture, a folder of pictures, a stack (.tif, .nii, .cfl, .dcm), an array (.npy, .npz, .mat) or "
        "FILE.h5:/dataset, there is no such; check the path");
  }
  if (opened.ids.empty()) throw data_error(text, "expected at least one image, got none; check the path");
  source.ids_ = std::move(opened.ids);
  source.read_ = std::move(opened.read);
  return source;
}

at::Tensor ImageSource::image(std::int64_t index) const {
  if (index < 0 || index >= count()) {
    throw usage_error(description_, "expected an image from 0 to {}, got {}", count() - 1, index);
  }
  return read_(index);
}

}  // namespace recon
