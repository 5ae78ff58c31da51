// `format: nifti`: volumes of medical imaging.
#include <ATen/ATen.h>

#include <memory>

#include "data/nifti_file.h"
#include "recon/core/words.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

enum class VolumeAxis { x, y, z };
constexpr auto words_of(VolumeAxis) {
  using enum VolumeAxis;
  return std::to_array<Word<VolumeAxis>>({{x, "x"}, {y, "y"}, {z, "z"}});
}

struct NiftiOptions {
  VolumeAxis axis = VolumeAxis::z;

  void visit(ParameterVisitor& v) {
    v.choice("axis", axis, "of the volume; its slices across it are items. z is the last of a volume's three");
  }
};

/// "Z" of a volume, "T_Z" of several.
std::string slice_id(std::int64_t index, std::int64_t slices) {
  return slices == 0 ? std::to_string(index) : fmt::format("{}_{}", index / slices, index % slices);
}

ExternalFile open_nifti(const NiftiOptions& options, const std::string& path) {
  const auto slices =
      std::make_shared<const NiftiFile::Slices>(NiftiFile::open(path).across(static_cast<int>(options.axis)));
  const bool complex = slices->stored.is_complex();
  const at::ScalarType type = complex ? at::kComplexFloat : at::kFloat;
  ExternalFile file{.count = slices->stored.size(0),
                    .measurement = {{1, slices->stored.size(1), slices->stored.size(2)},
                                    complex ? ScalarKind::complex : ScalarKind::real},
                    .y = [slices, type](std::int64_t i) { return slices->slice(i).to(type).unsqueeze(0); },
                    .arbitrary_units = true,
                    .geometry = slices->geometry};
  const ImageGeometry& geometry = slices->geometry;
  for (std::int64_t i = 0; i < file.count; ++i) file.ids.push_back(slice_id(i, geometry.slices));
  file.facts = {{"voxel_mm", fmt::format("{:.6g}, {:.6g}, {:.6g}", geometry.voxel_mm[0], geometry.voxel_mm[1],
                                         geometry.voxel_mm[2])},
                {"slope, intercept", fmt::format("{:.9g}, {:.9g}", slices->slope, slices->intercept)},
                {"affine", geometry.affine ? "yes, kept in .nii outputs" : "none"}};
  return file;
}

}  // namespace

InputFormat nifti_format() {
  InputFormat format = InputFormat::of<NiftiOptions>(
      {.name = "nifti", .summary = "volumes of medical imaging (.nii, .nii.gz); slices are items"}, open_nifti);
  format.recognises = is_nifti;
  format.estimates_noise = true;
  return format;
}

}  // namespace recon
