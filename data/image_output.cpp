#include "data/image_output.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "data/bart_file.h"
#include "data/fits_file.h"
#include "data/image_io.h"
#include "data/nifti_file.h"
#include "data/npy_file.h"
#include "data/stack_file.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

namespace fs = std::filesystem;

std::string ending_of(const std::string& path) {
  for (const auto& ending : image_endings()) {
    if (path.size() > ending.size() && path.ends_with(ending)) return ending;
  }
  return "";
}

/// Without what would lead out of the folder.
std::string as_file_name(std::string id) {
  std::replace_if(
      id.begin(), id.end(), [](char c) { return c == '/' || c == '\\' || c == ':'; }, '_');
  return id;
}

void write_pngs(const std::vector<std::string>& files, const ImageOutput& output) {
  constexpr int bits = 16;
  for (std::size_t i = 0; i < files.size(); ++i) {
    write_png(files[i], output.images[static_cast<std::int64_t>(i)], output.range, bits);
  }
}

at::Tensor in_own_units(const ImageOutput& output) {
  if (output.scale.empty()) return output.images;
  Shape per_image(static_cast<std::size_t>(output.images.dim()), 1);
  per_image.front() = -1;
  return output.images / at::tensor(output.scale, real_dtype(output.images)).view(per_image);
}

/// BART keeps slices on axis 13.
void write_bart_slices(const std::string& path, const at::Tensor& stack) {
  constexpr std::size_t slice_axis = 13;
  Shape shape{stack.size(1), stack.size(2)};
  shape.resize(slice_axis, 1);
  shape.push_back(stack.size(0));
  write_bart(path, stack.permute({1, 2, 0}).reshape(shape));
}

}  // namespace

const std::vector<std::string>& image_endings() {
  static const std::vector<std::string> all = {".png", ".tif", ".tiff", ".nii", ".nii.gz", ".cfl", ".fits", ".npy"};
  return all;
}

bool has_image_ending(const std::string& path) { return !ending_of(path).empty(); }

std::vector<std::string> image_files(const std::string& path, const std::vector<std::string>& ids) {
  if (ending_of(path) != ".png" || ids.size() == 1) return {path};
  std::vector<std::string> files;
  for (const std::string& id : ids) {
    fs::path file = path;
    file.replace_filename(file.stem().string() + "_" + as_file_name(id) + ".png");
    files.push_back(file.string());
  }
  return files;
}

std::vector<std::string> write_images(const std::string& path, const ImageOutput& output) {
  const std::string ending = ending_of(path);
  const at::Tensor images = ending == ".png" ? output.images : in_own_units(output);
  const at::Tensor stack = images.reshape({-1, images.size(-2), images.size(-1)});
  std::optional<ImageGeometry> geometry = output.geometry;
  if (geometry) geometry = on_grid(*geometry, images.size(-2), images.size(-1));
  const std::vector<std::string> files = image_files(path, output.ids);
  const bool volumes = images.dim() == 5;
  if (ending == ".png" && volumes) {
    throw usage_error(path, "a volume has many slices: write it as .nii, .nii.gz, .tif (pages), .fits or .npy");
  }
  if (ending == ".png") {
    write_pngs(files, output);
  } else if (ending == ".tif" || ending == ".tiff") {
    const bool ome = path.ends_with(".ome.tif") || path.ends_with(".ome.tiff");
    const bool one = images.size(0) == 1 && !volumes;
    const bool colour = !ome && one && images.size(1) == 3 && !images.is_complex();
    if (colour) {
      write_tiff(path, images[0]);
    } else {
      write_tiff_stack(path, stack, geometry);
    }
  } else if (ending == ".nii" || ending == ".nii.gz") {
    if (volumes) {  // one is a stack of its slices; several are the fourth axis
      if (!geometry) geometry.emplace();
      geometry->slices = images.size(-3);
    }
    write_nifti(path, stack, geometry.value_or(ImageGeometry{}));
  } else if (ending == ".cfl") {
    write_bart_slices(path, stack);
  } else if (ending == ".fits") {
    write_fits(path, stack.size(0) == 1 ? stack[0] : stack);
  } else if (ending == ".npy") {
    write_npy(path, images);
  } else {
    throw usage_error(path, "expected an output that ends in {}", fmt::join(image_endings(), ", "));
  }
  return files;
}

}  // namespace recon
