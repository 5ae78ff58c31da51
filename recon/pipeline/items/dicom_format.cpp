// `format: dicom`: slices of scanners.
#include <ATen/ATen.h>

#include <memory>

#include "data/dicom_file.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

struct DicomOptions {
  std::string series;

  void visit(ParameterVisitor& v) {
    v.field("series", series,
            "of a folder: SeriesNumber, SeriesDescription or SeriesInstanceUID of the one that is meant; default: the "
            "only one");
  }
};

/// Black and white of CT: air and dense bone.
constexpr ImageRange hounsfield_range = {-1000, 1000};

ExternalFile open_dicom(const DicomOptions& options, const std::string& path) {
  const auto images = std::make_shared<const DicomImages>(DicomImages::open(path, options.series));
  const Shape size = images->size();
  ExternalFile file{.count = images->count(),
                    .measurement = {{1, size[0], size[1]}, ScalarKind::real},
                    .y = [images](std::int64_t i) { return images->frame(i).to(at::kFloat).unsqueeze(0); },
                    .arbitrary_units = !images->hounsfield(),
                    .ids = images->ids(),
                    .geometry = images->geometry()};
  if (images->hounsfield()) file.range = hounsfield_range;
  file.facts = {{"modality", images->modality()},
                {"units", images->hounsfield() ? "Hounsfield units" : "of the scanner, after slope and intercept"}};
  if (const auto& geometry = images->geometry()) {
    file.facts.emplace_back("voxel_mm", fmt::format("{:.6g}, {:.6g}, {:.6g}", geometry->voxel_mm[0],
                                                    geometry->voxel_mm[1], geometry->voxel_mm[2]));
    file.facts.emplace_back("affine", geometry->affine ? "yes, kept in .nii outputs" : "none");
  }
  return file;
}

}  // namespace

InputFormat dicom_format() {
  InputFormat format = InputFormat::of<DicomOptions>(
      {.name = "dicom", .summary = "CT and MR images of scanners: a file, or a folder with those of one series"},
      open_dicom);
  format.recognises = [](const std::string& path) { return is_dicom(path) || is_dicom_folder(path); };
  format.reads_folders = true;
  format.estimates_noise = true;
  return format;
}

}  // namespace recon
