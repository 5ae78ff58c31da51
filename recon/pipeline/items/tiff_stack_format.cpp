// `format: tiff_stack`: planes of microscopes.
#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <memory>

#include "data/tiff_stack.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

struct TiffStackOptions {
  std::string channel;

  void visit(ParameterVisitor& v) {
    v.field("channel", channel, "name or number of the channel whose planes are items; default: those of all channels");
  }
};

ExternalFile open_tiff_stack(const TiffStackOptions& options, const std::string& path) {
  const auto stack = std::make_shared<const TiffStack>(TiffStack::open(path, options.channel));
  const double full = stack->full_scale();
  ExternalFile file{.count = stack->count(),
                    .measurement = stack->spec(),
                    .y = [stack, full](std::int64_t i) { return stack->plane(i).div(full).to(at::kFloat); },
                    .full_scale = full,
                    .ids = stack->ids(),
                    .geometry = stack->geometry()};
  const TiffPlanes& planes = stack->planes();
  file.facts = {{"described_by", planes.source},
                {"channels", fmt::format("{}", fmt::join(planes.names, ", "))},
                {"z", std::to_string(planes.slices)},
                {"t", std::to_string(planes.frames)},
                {"divided_by", fmt::format("{:g}", full)}};
  if (const auto& geometry = stack->geometry()) {
    file.facts.emplace_back("voxel_mm", fmt::format("{:.6g}, {:.6g}, {:.6g}", geometry->voxel_mm[0],
                                                    geometry->voxel_mm[1], geometry->voxel_mm[2]));
  }
  return file;
}

}  // namespace

InputFormat tiff_stack_format() {
  InputFormat format = InputFormat::of<TiffStackOptions>(
      {.name = "tiff_stack", .summary = "stacks of microscopes with their axes: OME-TIFF, ImageJ"}, open_tiff_stack);
  format.recognises = is_tiff_stack;
  format.estimates_noise = true;
  return format;
}

}  // namespace recon
