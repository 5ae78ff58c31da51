#include "data/image_source.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <memory>

#include "data/phantom.h"
#include "data/schema.h"
#include "recon/core/error.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

struct Opened {
  std::vector<std::string> ids;
  std::function<at::Tensor(std::int64_t)> read;
};

Opened open_files(const std::vector<std::string>& paths, const ImageReadOptions& options) {
  Opened opened;
  for (const auto& path : paths) opened.ids.push_back(fs::path(path).stem().string());
  opened.read = [paths, options](std::int64_t index) {
    const auto& path = paths[static_cast<std::size_t>(index)];
    at::Tensor image = read_image(path, options);
    require_finite(image, path);
    return image;
  };
  return opened;
}

Opened open_folder(const std::string& folder, const ImageReadOptions& options) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && is_image_name(entry.path().string())) paths.push_back(entry.path().string());
  }
  if (paths.empty())
    throw data_error(folder, "expected PNG, JPEG or TIFF files, the folder has none; give another one");
  std::sort(paths.begin(), paths.end());
  Opened opened = open_files(paths, options);
  for (std::size_t i = 1; i < paths.size(); ++i) {
    // a.png beside a.jpg: the whole names keep the ids apart.
    if (opened.ids[i] == opened.ids[i - 1]) {
      for (std::size_t k = 0; k < paths.size(); ++k) opened.ids[k] = fs::path(paths[k]).filename().string();
      break;
    }
  }
  return opened;
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
    opened = open_folder(text, options);
  } else if (fs::is_regular_file(text)) {
    opened = open_files({text}, options);
  } else if (colon != std::string::npos && fs::is_regular_file(text.substr(0, colon))) {
    opened = open_dataset(text.substr(0, colon), text.substr(colon + 2), options);
  } else {
    throw data_error(text,
                     "expected a picture, a folder of pictures or FILE.h5:/dataset, there is no such; check the path");
  }
  if (opened.ids.empty()) throw data_error(text, "expected at least one image, got none; give another source");
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
