#include "data/dicom_file.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "data/atomic_file.h"
#include "data/byte_order.h"
#include "data/dicom_elements.h"
#include "data/dicom_series.h"
#include "recon/core/error.h"
#include "recon/core/log.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
using dicom::DataSet;
using dicom::tag;

constexpr std::int64_t max_file_bytes = std::int64_t{16} << 30;
constexpr std::uint32_t pixel_data = tag(0x7FE0, 0x0010), float_data = tag(0x7FE0, 0x0008),
                        double_data = tag(0x7FE0, 0x0009);

/// How the numbers of a file's frames are stored.
struct PixelLayout {
  std::int64_t rows = 0, columns = 0, frames = 1, bits = 16, used = 16;
  bool is_signed = false, white_is_low = false;
  const dicom::Element* numbers = nullptr;
  at::ScalarType type = at::kUInt16;

  std::int64_t frame_bytes() const { return rows * columns * (bits / 8); }
};

std::int64_t required(const DataSet& data, std::uint32_t name, const char* what, const std::string& path) {
  const auto value = data.whole(name);
  if (!value) throw data_error(path, "expected an image: it does not say its {}", what);
  return *value;
}

PixelLayout layout_of(const DataSet& data, const std::string& path) {
  PixelLayout layout;
  layout.rows = required(data, tag(0x0028, 0x0010), "Rows", path);
  layout.columns = required(data, tag(0x0028, 0x0011), "Columns", path);
  layout.frames = data.has(tag(0x0028, 0x0008)) ? data.whole(tag(0x0028, 0x0008)).value_or(0) : 1;
  layout.bits = required(data, tag(0x0028, 0x0100), "BitsAllocated", path);
  const std::int64_t samples = required(data, tag(0x0028, 0x0002), "SamplesPerPixel", path);
  const std::string photometric = data.text(tag(0x0028, 0x0004));
  layout.white_is_low = photometric == "MONOCHROME1";
  if (samples != 1 || (photometric != "MONOCHROME1" && photometric != "MONOCHROME2")) {
    throw data_error(path,
                     "expected grey values, got {} samples of {}; this is a picture for the screen: export the "
                     "original series",
                     samples, photometric.empty() ? "an unknown kind" : photometric);
  }
  if (data.has(tag(0x0028, 0x3000))) {
    throw data_error(path, "its values go through a lookup table (Modality LUT Sequence); export it without");
  }
  using enum at::ScalarType;
  if (data.has(float_data) || data.has(double_data)) {
    layout.numbers = data.find(data.has(float_data) ? float_data : double_data);
    layout.bits = data.has(float_data) ? 32 : 64;
    layout.type = data.has(float_data) ? Float : Double;
  } else {
    layout.numbers = data.find(pixel_data);
    layout.used = required(data, tag(0x0028, 0x0101), "BitsStored", path);
    const std::int64_t high = data.whole(tag(0x0028, 0x0102)).value_or(layout.used - 1),
                       sign = required(data, tag(0x0028, 0x0103), "PixelRepresentation", path);
    const bool sizes = layout.bits == 8 || layout.bits == 16 || layout.bits == 32;
    if (!sizes || layout.used < 1 || layout.used > layout.bits || high != layout.used - 1 || sign < 0 || sign > 1) {
      throw data_error(path,
                       "its pixels have {} of {} bits, HighBit {}, PixelRepresentation {}; expected 8, 16 or 32 bits, "
                       "HighBit one less than BitsStored, and 0 or 1",
                       layout.used, layout.bits, high, sign);
    }
    layout.is_signed = sign == 1;
    layout.type = layout.bits == 8 ? Byte : layout.bits == 16 ? UInt16 : UInt32;
  }
  if (layout.numbers == nullptr) throw data_error(path, "expected an image, it has no pixel data");
  if (layout.rows < 1 || layout.columns < 1 || layout.frames < 1) {
    throw data_error(path, "its image is {} x {} pixels in {} frames: damaged", layout.rows, layout.columns,
                     layout.frames);
  }
  std::int64_t bytes = 0;
  const bool fits = layout.rows < (1 << 20) && layout.columns < (1 << 20) &&
                    !__builtin_mul_overflow(layout.frame_bytes(), layout.frames, &bytes);
  // A writer may fill up to a whole number of words; a row too many says that a size or the number of frames is wrong.
  const std::int64_t beyond = std::ssize(layout.numbers->bytes) - bytes;
  if (!fits || beyond < 0 || beyond >= std::max<std::int64_t>(layout.columns * (layout.bits / 8), 2)) {
    throw data_error(path, "claims {} frames of {} x {} pixels, {} bytes of them are stored: cut off or damaged",
                     layout.frames, layout.rows, layout.columns, layout.numbers->bytes.size());
  }
  return layout;
}

/// The stored numbers as they are meant: of the used bits, with their sign.
at::Tensor stored_values(const PixelLayout& layout, const std::string& bytes) {
  at::Tensor raw = at::empty({layout.rows, layout.columns}, at::dtype(layout.type));
  std::memcpy(raw.data_ptr(), bytes.data(), bytes.size());
  if (c10::isFloatingType(layout.type)) return raw.to(at::kDouble);
  const std::int64_t span = std::int64_t{1} << layout.used;
  at::Tensor values = raw.to(at::kLong).bitwise_and(span - 1);
  if (layout.is_signed) values = at::where(values >= span / 2, values - span, values);
  if (layout.white_is_low) values = (layout.is_signed ? -1 : span - 1) - values;
  return values.to(at::kDouble);
}

/// Slope or intercept: what is there has to be a number.
double rescaling(const DataSet* data, std::uint32_t name, double otherwise, const std::string& path) {
  const std::string text = data->text(name);
  if (text.empty()) return otherwise;
  const std::vector<double> all = data->decimals(name);
  if (all.size() != 1 || !std::isfinite(all.front())) {
    throw data_error(path, "its rescaling of the stored numbers ({:04x},{:04x}) is '{}', expected a number",
                     name >> 16U, name & 0xFFFFU, text);
  }
  return all.front();
}

double one_decimal(const DataSet* data, std::uint32_t name, double otherwise) {
  if (data == nullptr) return otherwise;
  const std::vector<double> all = data->decimals(name);
  return all.empty() || !std::isfinite(all.front()) ? otherwise : all.front();
}

template <std::size_t N>
std::optional<std::array<double, N>> decimals_of(const DataSet* data, std::uint32_t name) {
  if (data == nullptr) return std::nullopt;
  const std::vector<double> all = data->decimals(name);
  if (all.size() != N) return std::nullopt;
  std::array<double, N> values{};
  for (std::size_t i = 0; i < N; ++i) {
    if (!std::isfinite(all[i])) return std::nullopt;
    values[i] = all[i];
  }
  return values;
}

/// What holds of a frame: its own group of the per-frame sequence, the shared one, or the data set itself.
const DataSet* group_of(const DataSet& data, std::uint32_t sequence, std::size_t frame) {
  for (const DataSet* groups : {data.item(tag(0x5200, 0x9230), frame), data.item(tag(0x5200, 0x9229))}) {
    if (groups != nullptr && groups->item(sequence) != nullptr) return groups->item(sequence);
  }
  return &data;
}

std::vector<std::string> sorted_files(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

/// A file of a series.
struct DicomImages::SeriesFile {
  std::vector<Frame> frames;
  Shape size;
  std::string modality, uid, number, description, rescale_type;
};

bool is_dicom(const std::string& path) {
  std::string begin(132, '\0');
  std::ifstream file(path, std::ios::binary);
  return file.read(begin.data(), static_cast<std::streamsize>(begin.size())) && dicom::begins_so(begin);
}

bool is_dicom_folder(const std::string& path) {
  if (!fs::is_directory(path)) return false;
  const auto entries = sorted_files(path);
  return std::any_of(entries.begin(), entries.end(), is_dicom);
}

/// Nothing for a file that holds no image (a DICOMDIR, a report).
std::optional<DicomImages::SeriesFile> DicomImages::read_header(const std::string& path) {
  const std::string bytes = read_whole_file(path, max_file_bytes);
  const dicom::File file = dicom::parse(bytes, path);
  const DataSet& data = file.data;
  if (!data.has(pixel_data) && !data.has(float_data) && !data.has(double_data)) return std::nullopt;
  const PixelLayout layout = layout_of(data, path);
  SeriesFile read{.frames = {},
                  .size = {layout.rows, layout.columns},
                  .modality = data.text(tag(0x0008, 0x0060)),
                  .uid = data.text(tag(0x0020, 0x000E)),
                  .number = data.text(tag(0x0020, 0x0011)),
                  .description = data.text(tag(0x0008, 0x103E)),
                  .rescale_type = ""};
  for (std::int64_t i = 0; i < layout.frames; ++i) {
    const auto of = [&](std::uint32_t sequence) { return group_of(data, sequence, static_cast<std::size_t>(i)); };
    const DataSet* rescale = of(tag(0x0028, 0x9145));
    const DataSet* measures = of(tag(0x0028, 0x9110));
    Frame frame{.path = path, .number = i, .frames = layout.frames};
    frame.slope = rescaling(rescale, tag(0x0028, 0x1053), 1, path);
    frame.intercept = rescaling(rescale, tag(0x0028, 0x1052), 0, path);
    read.rescale_type = rescale->text(tag(0x0028, 0x1054));
    frame.position = decimals_of<3>(of(tag(0x0020, 0x9113)), tag(0x0020, 0x0032));
    frame.orientation = decimals_of<6>(of(tag(0x0020, 0x9116)), tag(0x0020, 0x0037));
    auto spacing = decimals_of<2>(measures, tag(0x0028, 0x0030));
    if (!spacing) spacing = decimals_of<2>(&data, tag(0x0018, 0x1164));  // at the detector of a projection
    if (spacing) frame.spacing_mm = *spacing;
    const double between = one_decimal(measures, tag(0x0018, 0x0088), 0);
    frame.thickness_mm = between > 0 ? between : one_decimal(measures, tag(0x0018, 0x0050), 0);
    frame.instance = data.whole(tag(0x0020, 0x0013)).value_or(0);
    read.frames.push_back(std::move(frame));
  }
  return read;
}

std::vector<DicomImages::SeriesFile> DicomImages::files_of_folder(const std::string& folder,
                                                                  const std::string& wanted) {
  std::vector<SeriesFile> files;
  std::map<std::string, std::string> all;  // series, by UID, and their words
  for (const std::string& path : sorted_files(folder)) {
    if (!is_dicom(path)) continue;
    auto file = read_header(path);
    if (!file) continue;
    all.try_emplace(file->uid, fmt::format("{} ({} '{}')", file->number, file->modality, file->description));
    files.push_back(std::move(*file));
  }
  if (files.empty()) throw data_error(folder, "expected DICOM images in the folder, it has none");
  std::vector<std::string> words;
  for (const auto& [uid, text] : all) words.push_back(text);
  if (wanted.empty() && all.size() > 1) {
    throw data_error(folder, "holds {} series: {}; say which by `series: NUMBER`", all.size(), fmt::join(words, ", "));
  }
  if (wanted.empty()) return files;
  std::erase_if(files, [&](const SeriesFile& file) {
    return wanted != file.uid && wanted != file.number && wanted != file.description;
  });
  if (files.empty()) throw data_error(folder, "has no series '{}', only {}", wanted, fmt::join(words, ", "));
  for (const SeriesFile& file : files) {
    if (file.uid == files.front().uid) continue;
    throw data_error(folder, "has several series '{}'; say which by its SeriesInstanceUID", wanted);
  }
  return files;
}

DicomImages DicomImages::open(const std::string& path, const std::string& series) {
  DicomImages images;
  images.folder_ = fs::is_directory(path);
  std::vector<SeriesFile> files;
  if (images.folder_) {
    files = files_of_folder(path, series);
  } else {
    auto file = read_header(path);
    if (!file) throw data_error(path, "expected an image, it has no pixel data");
    files.push_back(std::move(*file));
  }
  images.size_ = files.front().size;
  images.modality_ = files.front().modality;
  const std::string& units = files.front().rescale_type;
  images.hounsfield_ = images.modality_ == "CT" && (units.empty() || units == "HU" || units == "HU_MOD");
  for (SeriesFile& file : files) {
    if (file.size != images.size_) {
      throw data_error(file.frames.front().path, "is {}, the first image of its series {}; keep series of one size",
                       to_string(file.size), to_string(images.size_));
    }
    for (Frame& frame : file.frames) images.frames_.push_back(std::move(frame));
  }
  images.place();
  return images;
}

void DicomImages::place() {
  std::vector<SlicePlace> places;
  for (const Frame& frame : frames_) {
    places.push_back({.position = frame.position,
                      .orientation = frame.orientation,
                      .spacing_mm = frame.spacing_mm,
                      .thickness_mm = frame.thickness_mm,
                      .instance = frame.instance});
  }
  if (folder_) {
    std::vector<Frame> ordered;
    std::vector<SlicePlace> ordered_places;
    for (const std::size_t i : order_of_slices(places)) {
      ordered.push_back(frames_[i]);
      ordered_places.push_back(places[i]);
    }
    frames_ = std::move(ordered);
    places = std::move(ordered_places);
  }
  std::string doubt;
  geometry_ = geometry_of_slices(places, size_, doubt);
  if (!doubt.empty()) log::warn("{}: {}", frames_.front().path, doubt);
}

std::vector<std::string> DicomImages::ids() const {
  std::vector<std::string> all;
  for (const Frame& frame : frames_) {
    const std::string name = fs::path(frame.path).filename().string();
    const std::string stem = name.ends_with(".dcm") ? name.substr(0, name.size() - 4) : name;
    all.push_back(!folder_            ? std::to_string(frame.number)
                  : frame.frames == 1 ? stem
                                      : fmt::format("{}_{}", stem, frame.number));
  }
  return all;
}

at::Tensor DicomImages::frame(std::int64_t index) const {
  const Frame& frame = frames_.at(static_cast<std::size_t>(index));
  const std::string bytes = read_whole_file(frame.path, max_file_bytes);
  const dicom::File file = dicom::parse(bytes, frame.path);
  const PixelLayout layout = layout_of(file.data, frame.path);
  if (layout.rows != size_[0] || layout.columns != size_[1] || frame.number >= layout.frames) {
    throw data_error(frame.path, "has changed since it was opened");
  }
  const auto length = static_cast<std::size_t>(layout.frame_bytes());
  std::string own(layout.numbers->bytes.substr(static_cast<std::size_t>(frame.number) * length, length));
  if (file.data.big_endian) {
    // Bytes of 8 bits in words (OW) lie in pairs, the second first.
    const bool words = layout.bits == 8 && layout.numbers->vr == "OW";
    if (words && length % 2 != 0) throw data_error(frame.path, "has 8-bit pixels in words of odd number; convert it");
    swap_bytes(own.data(), own.size(), words ? 2 : static_cast<std::size_t>(layout.bits / 8));
  }
  const at::Tensor values = stored_values(layout, own);
  return frame.slope == 1 && frame.intercept == 0 ? values : values * frame.slope + frame.intercept;
}

}  // namespace recon
