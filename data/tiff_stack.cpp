#include "data/tiff_stack.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t most_pixels = std::int64_t{1} << 28;

std::int64_t chosen_channel(const TiffPlanes& planes, const std::string& channel, const std::string& path) {
  for (std::size_t c = 0; c < planes.names.size(); ++c) {
    if (planes.names[c] == channel) return static_cast<std::int64_t>(c);
  }
  for (std::size_t c = 0; c < planes.names.size(); ++c) {
    if (std::to_string(c) == channel) return static_cast<std::int64_t>(c);
  }
  throw data_error(path, "has no channel '{}', only {}", channel, fmt::join(planes.names, ", "));
}

std::string plane_id(const TiffPlanes& planes, std::int64_t c, std::int64_t t, std::int64_t z, bool named) {
  std::string id = named && planes.channels > 1 ? planes.names[static_cast<std::size_t>(c)] : "";
  const auto add = [&](const char* axis, std::int64_t count, std::int64_t index) {
    if (count > 1) id += fmt::format("{}{}{}", id.empty() ? "" : "_", axis, index);
  };
  add("t", planes.frames, t);
  add("z", planes.slices, z);
  return id.empty() ? "0" : id;
}

/// The names with their numbers where two are alike.
std::vector<std::string> different_names(std::vector<std::string> names) {
  const std::vector<std::string> all = names;
  for (std::size_t c = 0; c < names.size(); ++c) {
    if (std::count(all.begin(), all.end(), all[c]) > 1) names[c] += fmt::format("_c{}", c);
  }
  return names;
}

}  // namespace

bool is_tiff_stack(const std::string& path) {
  std::array<char, 4> head{};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  if (!TiffFile::looks_like_tiff({head.data(), head.size()})) return false;
  const std::string description = TiffFile::first_description(path);
  if (description.starts_with("ImageJ=")) {
    // Of ImageJ's files those with a stack, a calibration of its own, or channels; others are pictures.
    return description.find("images=") != std::string::npos;
  }
  return description.find("<OME") != std::string::npos || description.find(":OME") != std::string::npos;
}

TiffStack TiffStack::open(const std::string& path, const std::string& channel) {
  TiffStack stack(path);
  const auto planes = tiff_planes(stack.file_.description(), stack.file_.pages(), path);
  if (!planes) {
    throw data_error(path, "expected OME-XML or ImageJ's lines that fit its {} pages; read it by `format: picture`",
                     stack.file_.pages());
  }
  stack.planes_ = *planes;
  stack.planes_.names = different_names(stack.planes_.names);
  const TiffPlanes& all = stack.planes_;
  std::int64_t first = 0, last = all.channels;
  if (!channel.empty()) {
    first = chosen_channel(all, channel, path);
    last = first + 1;
  }
  for (std::int64_t c = first; c < last; ++c) {
    for (std::int64_t t = 0; t < all.frames; ++t) {
      for (std::int64_t z = 0; z < all.slices; ++z) {
        const std::int64_t page = all.pages[static_cast<std::size_t>((c * all.frames + t) * all.slices + z)];
        if (page < 0) {
          throw data_error(path, "its OME-XML places no page at channel {}, t {}, z {}; the stack is not whole", c, t,
                           z);
        }
        stack.pages_.push_back(page);
        stack.ids_.push_back(plane_id(all, c, t, z, channel.empty()));
      }
    }
  }
  const TiffPage page = stack.file_.read(stack.pages_.front(), most_pixels);
  stack.spec_ = {{page.planes.size(0), page.planes.size(1), page.planes.size(2)}, ScalarKind::real};
  stack.full_scale_ = page.full_scale;
  if (all.bits && page.full_scale > 1) stack.full_scale_ = static_cast<double>((1 << *all.bits) - 1);
  if (all.width > 0 && (all.width != page.planes.size(2) || all.height != page.planes.size(1))) {
    throw data_error(path, "its OME-XML says {} x {} pixels, its pages have {} x {}; the file is damaged", all.width,
                     all.height, page.planes.size(2), page.planes.size(1));
  }
  std::optional<VoxelSize> voxel_mm = all.voxel_mm;
  if (all.source == "ImageJ" && voxel_mm) {  // the tags count pixels in a unit that the description names
    const auto resolution = stack.file_.pixels_per_unit();
    if (resolution) {
      (*voxel_mm)[0] /= (*resolution)[0];
      (*voxel_mm)[1] /= (*resolution)[1];
    } else {
      voxel_mm.reset();
    }
  }
  if (voxel_mm) {
    stack.geometry_ = ImageGeometry{.voxel_mm = *voxel_mm};
    stack.geometry_->height = page.planes.size(1);
    stack.geometry_->width = page.planes.size(2);
    stack.geometry_->slices = all.channels * all.frames > 1 ? all.slices : 0;
    stack.geometry_->frame_s = all.frame_s;
  }
  return stack;
}

at::Tensor TiffStack::plane(std::int64_t index) const {
  const TiffPage page = file_.read(pages_.at(static_cast<std::size_t>(index)), most_pixels);
  if (Shape(page.planes.sizes().vec()) != spec_.shape) {
    throw data_error(path_ + " " + ids_.at(static_cast<std::size_t>(index)),
                     "is {}, the first plane {}; keep stacks of one size", to_string(Shape(page.planes.sizes().vec())),
                     to_string(spec_.shape));
  }
  return page.planes;
}

}  // namespace recon
