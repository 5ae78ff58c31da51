// `format: nxtomo`: tomography with flat and dark fields.
#include <ATen/ATen.h>

#include <charconv>
#include <cmath>
#include <memory>

#include "data/nxtomo_file.h"
#include "recon/core/error.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

struct NxTomoFormatOptions {
  std::string entry;
  double counts_per_photon = 0;
  std::string axis_offset_px = "auto";

  void visit(ParameterVisitor& v) {
    v.field("entry", entry, "path of the scan in the file; default: the only one");
    v.field("counts_per_photon", counts_per_photon, "of the detector; 0: measured on the flat fields", {.min = 0});
    v.field("axis_offset_px", axis_offset_px,
            "where the rotation axis falls on the detector, from its middle; auto: what the file or the data say");
  }
};

std::optional<double> stated_axis(const std::string& text, const std::string& path) {
  if (text == "auto") return std::nullopt;
  double value = 0;
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || rest != text.data() + text.size() || !std::isfinite(value)) {
    throw usage_error(path, "axis_offset_px: expected a number of pixels, or auto; found '{}'", text);
  }
  return value;
}

ExternalFile open_nxtomo(const NxTomoFormatOptions& options, const std::string& path) {
  const NxTomoOptions how{.entry = options.entry,
                          .counts_per_photon = options.counts_per_photon,
                          .axis_offset_px = stated_axis(options.axis_offset_px, path)};
  const auto scan = std::make_shared<const NxTomoFile>(NxTomoFile::open(path, how));
  const std::int64_t bins = scan->bins(), views = scan->angles_deg().numel();
  ExternalFile file{.count = scan->rows(),
                    .measurement = {{1, views, bins}, ScalarKind::real},
                    .y = [scan](std::int64_t row) { return scan->sinogram(row).unsqueeze(0); },
                    .image_shape = {1, bins, bins},
                    .operator_config = fmt::format(
                        "type: radon\nangle_list_deg: {{dataset: angles}}\nbins: {}\naxis_offset_px: {:.6g}\n", bins,
                        scan->axis_offset_px()),
                    .operator_arrays = {{"angles", scan->angles_deg()}},
                    .arbitrary_units = true,
                    .std_map = [scan](std::int64_t row) { return scan->std_map(row).unsqueeze(0); }};
  const auto [flats, darks] = scan->fields();
  const at::Tensor& angles = scan->angles_deg();
  file.facts = {{"views", fmt::format("{} from {:.6g} to {:.6g} degrees", views, angles.min().item<double>(),
                                      angles.max().item<double>())},
                {"flat_and_dark_fields", fmt::format("{}, {}", flats, darks)},
                {"counts_per_photon", fmt::format("{:.4g}", scan->counts_per_photon())},
                {"rotation_axis",
                 fmt::format("{:.2f} pixels from the middle, by {}", scan->axis_offset_px(), scan->axis_source())},
                {"units", scan->pixel_mm() ? "attenuation per mm" : "attenuation per pixel"}};
  if (const auto pixel = scan->pixel_mm()) {
    file.geometry = ImageGeometry{.voxel_mm = {(*pixel)[0], (*pixel)[0], (*pixel)[1]}};
    file.geometry->height = file.geometry->width = bins;
  }
  return file;
}

}  // namespace

InputFormat nxtomo_format() {
  InputFormat format = InputFormat::of<NxTomoFormatOptions>(
      {.name = "nxtomo", .summary = "parallel-beam tomography in NeXus files: rows of the detector are items"},
      open_nxtomo);
  format.recognises = is_nxtomo;
  format.states_operator = true;
  return format;
}

}  // namespace recon
