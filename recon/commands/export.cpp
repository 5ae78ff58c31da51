// recon export: images of a result or samples file -> PNG, TIFF stack, NIfTI, BART array.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "recon/commands/verb.h"
#include "recon/pipeline/export/exported_images.h"

namespace recon {
namespace {

class ExportVerb final : public Verb {
 public:
  const char* name() const override { return "export"; }
  const char* summary() const override {
    return "Write a result's images as PNG, TIFF, NIfTI, FITS, NumPy or BART array";
  }
  const char* examples() const override {
    return R"(SOURCE is a result or samples file; the ending of the output chooses the format: .png (16 bits; several
images become OUTPUT_ID.png), .tif or .tiff (float32 pages, magnitudes), .nii or .nii.gz (NIfTI-1, complex
kept), .cfl (BART, complex), .fits (float32 planes), .npy. Items and channels become pages or slices.

Examples:
  recon export reconstruction.h5 -o volume.nii --voxel 0.9,0.9,5
  recon export reconstruction.h5 -o std.tiff --what std
)";
  }

  void describe(CLI::App& app) override {
    app.add_option("SOURCE", plan_.source, "Result file (HDF5) or samples file")->required();
    app.add_option("-o,--output", plan_.output, "File to write: .png, .tif, .tiff, .nii, .nii.gz, .cfl, .fits or .npy")
        ->required();
    app.add_option("--what", plan_.what,
                   "reconstructions, std, anomaly, or the name of a baseline; samples of a samples file")
        ->capture_default_str();
    app.add_option("--voxel", voxel_mm_,
                   "NIfTI, TIFF: voxel size along width, height and slices in mm; default: that of the input, where "
                   "its file says it")
        ->delimiter(',')
        ->expected(3)
        ->check(CLI::PositiveNumber);
    add_force(app, force_);
  }

  VerbResult execute(const GlobalOptions&) override {
    plan_.overwrite = force_;
    if (!voxel_mm_.empty()) plan_.voxel_mm = {voxel_mm_[0], voxel_mm_[1], voxel_mm_[2]};
    const auto [files, shape, complex] = export_images(plan_);
    VerbResult result;
    result.json = {
        {"output", plan_.output}, {"files", files}, {"what", plan_.what}, {"shape", shape}, {"complex", complex}};
    result.text =
        fmt::format("{}: {} as {}{}\n", plan_.output, plan_.what, complex ? "complex " : "", to_string(shape));
    return result;
  }

 private:
  ExportPlan plan_;
  std::vector<double> voxel_mm_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_export_verb() { return std::make_unique<ExportVerb>(); }

}  // namespace recon
