#include "data/external_dataset.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "data/bit_depth.h"
#include "recon/core/error.h"
#include "recon/core/log_once.h"

namespace recon {
namespace {

const std::vector<std::string>& known_axes() {
  static const std::vector<std::string> known = {"item", "channel", "y", "x", "complex"};
  return known;
}

std::vector<std::string> usual_axes(const hdf5::Dataset& dataset) {
  switch (dataset.shape().size()) {
    case 2:
      return {"y", "x"};
    case 3:
      return {"item", "y", "x"};
    case 4:
      return {"item", "channel", "y", "x"};
    default:
      throw data_error(dataset.location(),
                       "expected [y, x], [item, y, x] or [item, channel, y, x], got shape {}; say what "
                       "its axes are: axes: [...]",
                       to_string(dataset.shape()));
  }
}

hdf5::Dataset numbers(const hdf5::File& file, const std::string& name) {
  hdf5::Dataset dataset = file.dataset(name.substr(std::min(name.find_first_not_of('/'), name.size())));
  dataset.dtype();  // says what is wrong with texts and other types
  return dataset;
}

/// Full scale of a dataset's unsigned integers (255, 65535, 4294967295), 1 for floats, complex numbers and bools;
/// nothing for signed integers, whose scale only their owner knows.
std::optional<double> full_scale(const hdf5::Dataset& dataset) {
  const at::ScalarType dtype = dataset.dtype();
  if (c10::isFloatingType(dtype) || c10::isComplexType(dtype) || dtype == at::kBool) return 1;
  const std::string type = dataset.type_name();
  if (type == "8-bit unsigned integer") return 0xFF;
  if (type == "16-bit unsigned integer") return 0xFFFF;
  if (type == "32-bit unsigned integer") return 0xFFFFFFFF;
  return std::nullopt;
}

}  // namespace

ExternalDataset::ExternalDataset(const hdf5::File& file, const ExternalLayout& layout)
    : dataset_(numbers(file, layout.dataset)), layout_(layout) {
  if (layout_.axes.empty()) layout_.axes = usual_axes(dataset_);
  read_axes();
  if (!layout_.scale) {
    const auto full = full_scale(dataset_);
    if (!full) {
      throw data_error(location(),
                       "expected floats or unsigned integers, got {}; say what one step is worth: scale: ...",
                       dataset_.type_name());
    }
    layout_.scale = 1 / *full;
    by_full_scale_of_16_bits_ = *full == 0xFFFF;
  }
}

std::optional<std::size_t> ExternalDataset::axis(const std::string& name) const {
  const auto found = std::find(layout_.axes.begin(), layout_.axes.end(), name);
  if (found == layout_.axes.end()) return std::nullopt;
  return static_cast<std::size_t>(found - layout_.axes.begin());
}

void ExternalDataset::read_axes() {
  const Shape& shape = dataset_.shape();
  const auto& axes = layout_.axes;
  const auto& known = known_axes();
  const bool all_known = std::all_of(axes.begin(), axes.end(), [&](const auto& name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  });
  const bool different = std::set<std::string>(axes.begin(), axes.end()).size() == axes.size();
  if (!all_known || !different || !axis("y") || !axis("x") || axes.size() != shape.size()) {
    throw data_error(location(),
                     "expected one name for each axis of {}, different ones of {} with y and x among them, got "
                     "axes [{}]; correct them",
                     to_string(shape), fmt::join(known, ", "), fmt::join(axes, ", "));
  }
  const auto extent = [&](const std::string& name) { return axis(name) ? shape[*axis(name)] : 1; };
  count_ = extent("item");
  spec_.shape = {extent("channel"), extent("y"), extent("x")};
  if (count_ < 1 || spec_.numel() < 1) {
    throw data_error(location(), "expected at least one value, got shape {}; choose another dataset", to_string(shape));
  }
  const bool compound = c10::isComplexType(dataset_.dtype());
  if (axis("complex") && (compound || extent("complex") != 2)) {
    throw data_error(location(),
                     "expected real numbers with two entries along the axis 'complex', got {} of {}; correct "
                     "the axes [{}]",
                     dataset_.type_name(), to_string(shape), fmt::join(axes, ", "));
  }
  spec_.scalar = compound || axis("complex") ? ScalarKind::complex : ScalarKind::real;
}

at::Tensor ExternalDataset::item(std::int64_t index, Finite values) const {
  Shape first(dataset_.shape().size(), 0), count = dataset_.shape();
  if (const auto items = axis("item")) {
    first[*items] = index;
    count[*items] = 1;
  } else if (index != 0) {
    throw data_error(location(), "item {} was asked for, there is one; choose among those there are", index);
  }
  const at::Tensor stored = dataset_.read_block(first, count);
  // In double precision: offsets and scales of 32-bit integers need it.
  at::Tensor value = stored.to(stored.is_complex() ? at::kComplexDouble : at::kDouble);
  std::vector<std::int64_t> order;
  for (const auto& name : known_axes()) {
    if (const auto location = axis(name)) {
      order.push_back(static_cast<std::int64_t>(*location));
    } else {
      order.push_back(value.dim());
      value = value.unsqueeze(-1);
    }
  }
  value = value.permute(order).squeeze(0);  // [channel, y, x, complex]
  value = axis("complex") ? at::view_as_complex(value.contiguous()) : value.squeeze(-1);
  if (by_full_scale_of_16_bits_) {
    const std::string text = bit_depth_warning(value.min().item<double>(), value.max().item<double>(),
                                               "if so, say `scale: 1/{}` as a number");
    if (!text.empty()) log::warn_once(location() + ": " + text);
  }
  if (layout_.offset != 0) value = value - layout_.offset;
  // By parts: a complex product would turn -0 into 0, and infinity into NaN.
  const bool complex = value.is_complex();
  if (complex) value = at::view_as_real(value);
  value = value * *layout_.scale;
  if (complex) value = at::view_as_complex(value.contiguous());
  value = value.to(value.is_complex() ? at::kComplexFloat : at::kFloat).contiguous();
  if (values == Finite::required) require_finite(value, fmt::format("{} item {}", location(), index));
  return value;
}

}  // namespace recon
