#include "data/tiff_planes.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "data/xml_tags.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t most_planes = 1 << 20;

using Attributes = std::map<std::string, std::string>;

template <class Number>
std::optional<Number> number_in(const Attributes& attributes, const std::string& name) {
  const auto found = attributes.find(name);
  if (found == attributes.end()) return std::nullopt;
  Number value{};
  const char* end = found->second.data() + found->second.size();
  const auto [rest, status] = std::from_chars(found->second.data(), end, value);
  if (status != std::errc() || rest != end) return std::nullopt;
  return value;
}

std::int64_t size_in(const Attributes& attributes, const std::string& name, std::int64_t least,
                     const std::string& path) {
  const auto value = number_in<std::int64_t>(attributes, name);
  if (!value || *value < least || *value > most_planes) {
    const auto found = attributes.find(name);
    throw data_error(path, "its OME-XML has {}=\"{}\", expected a number from {} on; the file is damaged", name,
                     found == attributes.end() ? "" : found->second, least);
  }
  return *value;
}

std::string text_in(const Attributes& attributes, const std::string& name, const std::string& otherwise = "") {
  const auto found = attributes.find(name);
  return found == attributes.end() ? otherwise : found->second;
}

/// What a unit of length is worth in mm; 0: it is none.
double millimetres(const std::string& unit) {
  static const std::map<std::string, double> units = {
      {"\u00b5m", 1e-3}, {"\u03bcm", 1e-3},  {"um", 1e-3},   {"micron", 1e-3}, {"microns", 1e-3},
      {"nm", 1e-6},      {"mm", 1},          {"cm", 10},     {"m", 1000},      {"pm", 1e-9},
      {"\u00c5", 1e-7},  {"\\u00B5m", 1e-3}, {"inch", 25.4}, {"\u212b", 1e-7}, {"in", 25.4}};
  const auto found = units.find(unit);
  return found == units.end() ? 0 : found->second;
}

/// The planes in the order of the file, the position in the order of a stack.
class PlaneOrder {
 public:
  PlaneOrder(const std::string& order, const TiffPlanes& planes, const std::string& path)
      : sizes_{{'C', planes.channels}, {'Z', planes.slices}, {'T', planes.frames}},
        slices_(planes.slices),
        frames_(planes.frames) {
    const std::string last = order.size() == 5 ? order.substr(2) : "";
    std::string sorted = last;
    std::sort(sorted.begin(), sorted.end());
    if (!order.starts_with("XY") || sorted != "CTZ") {
      throw data_error(path, "its OME-XML has DimensionOrder=\"{}\", expected XY and then C, T, Z in some order",
                       order);
    }
    axes_ = last;
  }

  /// The index in the file of plane (c, z, t).
  std::int64_t in_file(std::int64_t c, std::int64_t z, std::int64_t t) const {
    const std::map<char, std::int64_t> at = {{'C', c}, {'Z', z}, {'T', t}};
    std::int64_t index = 0, stride = 1;
    for (const char axis : axes_) {
      index += at.at(axis) * stride;
      stride *= sizes_.at(axis);
    }
    return index;
  }

  /// The index in the stack of the `i`th plane of the file.
  std::int64_t in_stack(std::int64_t i) const {
    std::map<char, std::int64_t> at;
    for (const char axis : axes_) {
      at[axis] = i % sizes_.at(axis);
      i /= sizes_.at(axis);
    }
    return (at['C'] * frames_ + at['T']) * slices_ + at['Z'];
  }

 private:
  std::map<char, std::int64_t> sizes_;
  std::int64_t slices_, frames_;
  std::string axes_;
};

void require_own_file(const Attributes& uuid, const std::string& path) {
  const std::string name = text_in(uuid, "FileName");
  if (name.empty() || name == std::filesystem::path(path).filename().string()) return;
  throw data_error(path, "its planes lie in several files, '{}' among them; save the stack as one file (bfconvert)",
                   name);
}

/// Which pages hold which planes: tags TiffData, or all in order.
void place_pages(const std::vector<XmlTag>& tags, const PlaneOrder& order, std::int64_t total, TiffPlanes& planes,
                 const std::string& path) {
  planes.pages.assign(static_cast<std::size_t>(total), -1);
  std::int64_t next = 0;
  bool any = false;
  for (const XmlTag& tag : tags) {
    if (tag.name == "UUID" && tag.attributes.contains("FileName")) require_own_file(tag.attributes, path);
    if (tag.name != "TiffData") continue;
    any = true;
    const auto entry = [&](const char* name, std::int64_t otherwise) {
      return tag.attributes.contains(name) ? size_in(tag.attributes, name, 0, path) : otherwise;
    };
    const std::int64_t page = entry("IFD", next), c = entry("FirstC", 0), z = entry("FirstZ", 0),
                       t = entry("FirstT", 0);
    if (c >= planes.channels || z >= planes.slices || t >= planes.frames) {
      throw data_error(path, "its OME-XML places a page at c {}, z {}, t {}, beyond its own sizes; the file is damaged",
                       c, z, t);
    }
    const std::int64_t first = order.in_file(c, z, t);
    const std::int64_t count = entry("PlaneCount", tag.attributes.contains("IFD") ? 1 : total - first);
    for (std::int64_t i = 0; i < count && first + i < total; ++i) {
      planes.pages[static_cast<std::size_t>(order.in_stack(first + i))] = page + i;
    }
    next = page + count;
  }
  for (std::int64_t i = 0; !any && i < total; ++i) planes.pages[static_cast<std::size_t>(order.in_stack(i))] = i;
}

/// How many times the channels' samples are spread over pages: channels of several samples (colours) share one.
void read_channels(const std::vector<XmlTag>& tags, std::int64_t samples, TiffPlanes& planes, const std::string& path) {
  std::int64_t count = 0, per_channel = 1;
  for (const XmlTag& tag : tags) {
    if (tag.name != "Channel") continue;
    const auto of_channel = number_in<std::int64_t>(tag.attributes, "SamplesPerPixel").value_or(1);
    if (count > 0 && of_channel != per_channel) {
      throw data_error(path, "its channels have {} and {} samples; save them as images of their own", per_channel,
                       of_channel);
    }
    per_channel = of_channel;
    planes.names.push_back(text_in(tag.attributes, "Name", std::to_string(count)));
    ++count;
  }
  if (per_channel < 1 || samples % per_channel != 0) {
    throw data_error(path, "its OME-XML has SizeC=\"{}\" and {} samples in a channel; the file is damaged", samples,
                     per_channel);
  }
  planes.channels = samples / per_channel;
  planes.names.resize(static_cast<std::size_t>(planes.channels));
  for (std::size_t c = 0; c < planes.names.size(); ++c) {
    if (planes.names[c].empty()) planes.names[c] = std::to_string(c);
  }
}

void read_physical_sizes(const Attributes& pixels, TiffPlanes& planes) {
  VoxelSize size = {0, 0, 0};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::string name = std::string("PhysicalSize") + "XYZ"[axis];
    const double value = number_in<double>(pixels, name).value_or(0);
    size[axis] = value * millimetres(text_in(pixels, name + "Unit", "\u00b5m"));
  }
  if (!(size[0] > 0 && size[1] > 0)) return;
  if (!(size[2] > 0)) size[2] = 1;
  planes.voxel_mm = size;
  const double step = number_in<double>(pixels, "TimeIncrement").value_or(0);
  if (step > 0 && text_in(pixels, "TimeIncrementUnit", "s") == "s") planes.frame_s = step;
}

TiffPlanes ome_planes(const std::string& description, std::int64_t pages, const std::string& path) {
  std::vector<XmlTag> tags = xml_tags(description);
  const auto is_pixels = [](const XmlTag& tag) { return tag.name == "Pixels"; };
  const auto first = std::find_if(tags.begin(), tags.end(), is_pixels);
  if (first == tags.end()) throw data_error(path, "its OME-XML describes no image (no Pixels); the file is damaged");
  const Attributes pixels = first->attributes;
  tags.erase(tags.begin(), first + 1);
  tags.erase(std::find_if(tags.begin(), tags.end(), is_pixels), tags.end());  // of the first image alone
  TiffPlanes planes;
  planes.slices = size_in(pixels, "SizeZ", 1, path);
  planes.frames = size_in(pixels, "SizeT", 1, path);
  planes.width = size_in(pixels, "SizeX", 1, path);
  planes.height = size_in(pixels, "SizeY", 1, path);
  read_channels(tags, size_in(pixels, "SizeC", 1, path), planes, path);
  if (planes.channels > most_planes / planes.slices / planes.frames) {
    throw data_error(path, "its OME-XML claims {} x {} x {} planes; the file is damaged", planes.channels,
                     planes.slices, planes.frames);
  }
  const std::int64_t total = planes.channels * planes.slices * planes.frames;
  place_pages(tags, PlaneOrder(text_in(pixels, "DimensionOrder"), planes, path), total, planes, path);
  for (const std::int64_t page : planes.pages) {
    if (page >= pages) {
      throw data_error(path, "its OME-XML names page {}, the file has {}: cut off, or planes lie in other files", page,
                       pages);
    }
  }
  read_physical_sizes(pixels, planes);
  if (const auto bits = number_in<int>(pixels, "SignificantBits"); bits && *bits >= 1 && *bits <= 16) {
    planes.bits = bits;
  }
  return planes;
}

/// ImageJ's lines KEY=VALUE; its pages are in the order c, z, t.
std::optional<TiffPlanes> imagej_planes(const std::string& description, std::int64_t pages, const std::string& path) {
  Attributes lines;
  for (std::size_t at = 0; at < description.size();) {
    const std::size_t end = std::min(description.find('\n', at), description.size());
    const std::string line = description.substr(at, end - at);
    if (const auto equals = line.find('='); equals != std::string::npos) {
      lines[line.substr(0, equals)] = line.substr(equals + 1);
    }
    at = end + 1;
  }
  TiffPlanes planes;
  planes.source = "ImageJ";
  planes.channels = number_in<std::int64_t>(lines, "channels").value_or(1);
  planes.slices = number_in<std::int64_t>(lines, "slices").value_or(1);
  planes.frames = number_in<std::int64_t>(lines, "frames").value_or(1);
  const std::int64_t images = number_in<std::int64_t>(lines, "images").value_or(1);
  const auto sound = [](std::int64_t extent) { return extent >= 1 && extent <= (1 << 10); };
  if (!sound(planes.channels) || planes.slices < 1 || planes.slices > most_planes || planes.frames < 1 ||
      planes.frames > most_planes || planes.slices * planes.frames > most_planes) {
    throw data_error(path, "ImageJ's description claims {} channels, {} slices, {} frames; the file is damaged",
                     planes.channels, planes.slices, planes.frames);
  }
  const std::int64_t total = planes.channels * planes.slices * planes.frames;
  if (images > pages) {
    throw data_error(path,
                     "ImageJ's description says {} images, {} pages are in the file (files above 4 GiB have their "
                     "images behind one page); save it as OME-TIFF",
                     images, pages);
  }
  if (total != images || images != pages) return std::nullopt;  // pages of another kind: as they are
  place_pages({}, PlaneOrder("XYCZT", planes, path), total, planes, path);
  for (std::int64_t c = 0; c < planes.channels; ++c) planes.names.push_back(std::to_string(c));
  const double unit = millimetres(text_in(lines, "unit"));
  const double spacing = number_in<double>(lines, "spacing").value_or(0) * unit;
  if (unit > 0) planes.voxel_mm = VoxelSize{unit, unit, spacing > 0 ? spacing : 1};  // a pixel: see TiffStack
  const double interval = number_in<double>(lines, "finterval").value_or(0);
  if (interval > 0) planes.frame_s = interval;
  return planes;
}

}  // namespace

std::optional<TiffPlanes> tiff_planes(const std::string& description, std::int64_t pages, const std::string& path) {
  if (description.find("<OME") != std::string::npos || description.find("OME-XML") != std::string::npos ||
      description.find(":OME") != std::string::npos) {
    return ome_planes(description, pages, path);
  }
  if (description.starts_with("ImageJ=")) return imagej_planes(description, pages, path);
  return std::nullopt;
}

}  // namespace recon
