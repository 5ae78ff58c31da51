#include "recon/pipeline/export/exported_images.h"

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "data/atomic_file.h"
#include "data/image_output.h"
#include "data/result_file.h"
#include "data/samples_file.h"
#include "recon/core/error.h"
#include "recon/core/nearest.h"

namespace recon {
namespace {

std::vector<std::string> numbers_to(std::int64_t count) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

/// The size that was asked for in place of the result's own, whose affine then no longer holds.
std::optional<ImageGeometry> with_voxel(const std::optional<ImageGeometry>& geometry,
                                        const std::optional<VoxelSize>& voxel_mm) {
  return voxel_mm ? ImageGeometry{.voxel_mm = *voxel_mm} : geometry;
}

/// Images, what they are called, and what black and white stand for.
ImageOutput chosen_images(const ExportPlan& plan) {
  if (hdf5_format(plan.source) == "recon-samples") {
    const SampleSet set = read_samples_file(plan.source);
    return {.images = set.samples,
            .ids = numbers_to(set.samples.size(0)),
            .range = set.range,
            .geometry = with_voxel(std::nullopt, plan.voxel_mm)};
  }
  const ResultSet set = read_result_file(plan.source);
  const auto output = [&](const at::Tensor& images, const ImageRange& range) {
    return ImageOutput{.images = images,
                       .ids = set.ids,
                       .range = range,
                       .geometry = with_voxel(set.geometry, plan.voxel_mm),
                       .scale = set.scale};
  };
  if (plan.what == "reconstructions") return output(set.main.reconstructions, set.range);
  if (plan.what == "std") {
    if (!set.main.std.defined()) throw data_error(plan.source, "there is no std: the result is of one sample");
    return output(set.main.std, {0, set.main.std.max().item<double>()});
  }
  if (plan.what == "anomaly") {
    if (!set.main.anomaly.defined()) {
      throw data_error(plan.source, "there is no anomaly map: {} does not say it", set.main.solver);
    }
    return output(set.main.anomaly, {0, set.main.anomaly.max().item<double>()});
  }
  std::vector<std::string> names{"reconstructions", "std", "anomaly"};
  for (const auto& [name, results] : set.baselines) {
    if (name == plan.what) return output(results.reconstructions, set.range);
    names.push_back(name);
  }
  throw usage_error("--what", "there is no '{}' in {}{}", plan.what, plan.source, suggestion(plan.what, names));
}

}  // namespace

ExportedImages export_images(const ExportPlan& plan) {
  const ImageOutput chosen = chosen_images(plan);
  for (const std::string& file : image_files(plan.output, chosen.ids)) require_writable(file, plan.overwrite);
  return {.files = write_images(plan.output, chosen),
          .shape = {chosen.images.numel() / (chosen.images.size(-1) * chosen.images.size(-2)), chosen.images.size(-2),
                    chosen.images.size(-1)},
          .complex = chosen.images.is_complex()};
}

}  // namespace recon
