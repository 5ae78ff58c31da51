#include "recon/pipeline/export/exported_images.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <vector>

#include "data/bart_file.h"
#include "data/result_file.h"
#include "data/samples_file.h"
#include "data/stack_file.h"
#include "recon/core/error.h"
#include "recon/core/nearest.h"

namespace recon {
namespace {

at::Tensor chosen_images(const ExportPlan& plan) {
  if (hdf5_format(plan.source) == "recon-samples") return read_samples_file(plan.source).samples;
  const ResultSet set = read_result_file(plan.source);
  if (plan.what == "reconstructions") return set.main.reconstructions;
  if (plan.what == "std") {
    if (set.main.std.defined()) return set.main.std;
    throw data_error(plan.source, "there is no std: the result is of one sample");
  }
  std::vector<std::string> names{"reconstructions", "std"};
  for (const auto& [name, results] : set.baselines) {
    if (name == plan.what) return results.reconstructions;
    names.push_back(name);
  }
  throw usage_error("--what", "there is no '{}' in {}{}", plan.what, plan.source, suggestion(plan.what, names));
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

ExportedImages export_images(const ExportPlan& plan) {
  const at::Tensor images = chosen_images(plan);
  const at::Tensor stack = images.reshape({-1, images.size(-2), images.size(-1)});
  const std::string ending = std::filesystem::path(plan.output).extension().string();
  if (ending == ".nii") {
    write_nifti(plan.output, stack, plan.voxel_mm);
  } else if (ending == ".tif" || ending == ".tiff") {
    write_tiff_stack(plan.output, stack);
  } else if (ending == ".cfl") {
    write_bart_slices(plan.output, stack);
  } else {
    throw usage_error(plan.output, "expected an output that ends in .nii, .tif, .tiff or .cfl, got '{}'", ending);
  }
  return {.shape = shape_of(stack), .complex = stack.is_complex()};
}

}  // namespace recon
