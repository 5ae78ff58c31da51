#include "recon/pipeline/import/field_of_view.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "operators/mri/channels.h"

namespace recon {
namespace {

/// Whether every line along `axis` has one value.
bool constant_along_axis(const at::Tensor& values, std::int64_t axis) {
  return values.eq(values.narrow(axis, 0, 1)).all().item<bool>();
}

}  // namespace

void crop_field_of_view(GriddedData& data, std::int64_t axis, std::int64_t pixels, std::vector<std::string>& notes) {
  const std::int64_t all = data.kspace.size(axis);
  if (pixels <= 0 || pixels >= all) return;
  const char* name = axis == -2 ? "readout" : "phase encoding";
  if (!constant_along_axis(data.mask, axis) || (data.weights.defined() && !constant_along_axis(data.weights, axis))) {
    notes.push_back(fmt::format(
        "the oversampling of the {} is kept ({} pixels, {} in the field of view): it is not sampled throughout", name,
        all, pixels));
    return;
  }
  const auto start = [&](const at::Tensor& x) { return x.narrow(axis, 0, pixels).contiguous(); };
  data.mask = start(data.mask);
  data.kspace = field_of_view_cropped(data.kspace, axis, pixels) * data.mask.unsqueeze(1);
  if (data.weights.defined()) data.weights = start(data.weights);
  if (data.maps.defined()) data.maps = data.maps.narrow(axis, all / 2 - pixels / 2, pixels).contiguous();
  notes.push_back(fmt::format("the oversampling of the {} is cut: {} of {} pixels", name, pixels, all));
}

}  // namespace recon
