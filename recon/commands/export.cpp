// recon export: images of a result or samples file -> NIfTI, TIFF stack, BART array.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "data/bart_file.h"
#include "data/result_file.h"
#include "data/samples_file.h"
#include "data/stack_file.h"
#include "recon/commands/verb.h"
#include "recon/core/error.h"
#include "recon/core/nearest.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

class ExportVerb final : public Verb {
 public:
  const char* name() const override { return "export"; }
  const char* summary() const override { return "Write a result's images as NIfTI, TIFF stack or BART array"; }
  const char* examples() const override {
    return "SOURCE is a result or samples file; the ending of the output chooses the format: .nii (NIfTI-1, complex "
           "kept),\n"
           ".tif or .tiff (float32 pages, magnitudes), .cfl (BART, complex). Items and channels become slices.\n\n"
           "Examples:\n"
           "  recon export reconstruction.h5 -o volume.nii --voxel 0.9,0.9,5\n"
           "  recon export reconstruction.h5 -o std.tiff --what std\n";
  }

  void describe(CLI::App& app) override {
    app.add_option("SOURCE", source_, "Result file (HDF5) or samples file")->required();
    app.add_option("-o,--output", output_, "File to write: .nii, .tif, .tiff or .cfl")->required();
    app.add_option("--what", what_, "reconstructions, std, or the name of a baseline; samples of a samples file")
        ->capture_default_str();
    app.add_option("--voxel", voxel_mm_, "NIfTI: voxel size along width, height and slices in mm")
        ->delimiter(',')
        ->expected(3)
        ->check(CLI::PositiveNumber);
  }

  VerbResult execute(const GlobalOptions&) override {
    const at::Tensor images = chosen();
    const at::Tensor stack = images.reshape({-1, images.size(-2), images.size(-1)});
    const std::string ending = std::filesystem::path(output_).extension().string();
    if (ending == ".nii") {
      write_nifti(output_, stack, {voxel_mm_[0], voxel_mm_[1], voxel_mm_[2]});
    } else if (ending == ".tif" || ending == ".tiff") {
      write_tiff_stack(output_, stack);
    } else if (ending == ".cfl") {
      constexpr std::int64_t slice_axis = 13;
      Shape shape{stack.size(1), stack.size(2)};
      shape.resize(slice_axis, 1);
      shape.push_back(stack.size(0));
      write_bart(output_, stack.permute({1, 2, 0}).reshape(shape));
    } else {
      throw usage_error(output_, "expected an output that ends in .nii, .tif, .tiff or .cfl, got '{}'", ending);
    }
    VerbResult result;
    const Shape shape(stack.sizes().begin(), stack.sizes().end());
    result.json = {{"output", output_}, {"what", what_}, {"shape", shape}, {"complex", stack.is_complex()}};
    result.text =
        fmt::format("{}: {} as {}{}\n", output_, what_, stack.is_complex() ? "complex " : "", to_string(shape));
    return result;
  }

 private:
  at::Tensor chosen() const {
    if (hdf5_format(source_) == "recon-samples") return read_samples_file(source_).samples;
    const ResultSet set = read_result_file(source_);
    if (what_ == "reconstructions") return set.main.reconstructions;
    if (what_ == "std") {
      if (set.main.std.defined()) return set.main.std;
      throw data_error(source_, "there is no std: the result is of one sample");
    }
    std::vector<std::string> names{"reconstructions", "std"};
    for (const auto& [name, results] : set.baselines) {
      if (name == what_) return results.reconstructions;
      names.push_back(name);
    }
    throw usage_error("--what", "there is no '{}' in {}{}", what_, source_, suggestion(what_, names));
  }

  std::string source_, output_, what_ = "reconstructions";
  std::vector<double> voxel_mm_ = {1, 1, 1};
};

}  // namespace

std::unique_ptr<Verb> make_export_verb() { return std::make_unique<ExportVerb>(); }

}  // namespace recon
