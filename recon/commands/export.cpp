// recon export: images of a result or samples file -> PNG, TIFF stack, NIfTI, BART array.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "data/atomic_file.h"
#include "recon/commands/verb.h"
#include "recon/core/error.h"
#include "recon/pipeline/export/exported_images.h"
#include "recon/pipeline/solve/result_report.h"

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
kept), .cfl (BART, complex), .fits (float32 planes), .npy. Items and channels become pages or slices. .html is a page
of a result: distributions of its figures, failures, items that stand out first.

Examples:
  recon export reconstruction.h5 -o volume.nii --voxel 0.9,0.9,5
  recon export reconstruction.h5 -o std.tiff --what std
  recon export batch.h5 -o batch.html
)";
  }

  void describe(CLI::App& app) override {
    app.add_option("SOURCE", plan_.source, "Result file (HDF5) or samples file")->required();
    app.add_option("-o,--output", plan_.output,
                   "File to write: .png, .tif, .tiff, .nii, .nii.gz, .cfl, .fits, .npy or .html")
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
    if (plan_.output.ends_with(".html")) return reported();
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
  /// The result as a page.
  VerbResult reported() const {
    if (plan_.what != "reconstructions") throw usage_error("--what", "a page shows all of a result; leave it out");
    if (hdf5_format(plan_.source) != "recon-result") {
      throw data_error(plan_.source, "a page is made of a result file, this is {}", hdf5_format(plan_.source));
    }
    require_writable(plan_.output, force_);
    write_result_report(plan_.output, ResultFile::open(plan_.source), plan_.source);
    VerbResult result;
    result.json = {{"output", plan_.output}, {"files", {plan_.output}}};
    result.text = fmt::format("{}: the page of {}\n", plan_.output, plan_.source);
    return result;
  }

  ExportPlan plan_;
  std::vector<double> voxel_mm_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_export_verb() { return std::make_unique<ExportVerb>(); }

}  // namespace recon
