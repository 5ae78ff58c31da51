#include "data/nifti_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>

#include "data/atomic_file.h"
#include "data/byte_order.h"
#include "data/gzip.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// Where the fields of a header lie.
struct NiftiLayout {
  std::size_t bytes;  ///< of the header, and the value of its first field
  std::size_t dim, datatype, pixdim, data_offset, slope, intercept, units, qform, sform, quaternion, srow, magic;
  bool second;  ///< NIfTI-2: wider fields
};
constexpr NiftiLayout nifti_1 = {348, 40, 70, 76, 108, 112, 116, 123, 252, 254, 256, 280, 344, false};
constexpr NiftiLayout nifti_2 = {540, 16, 12, 104, 168, 176, 184, 500, 344, 348, 352, 400, 4, true};

constexpr std::int16_t nifti_float32 = 16, nifti_complex64 = 32;  // DT_FLOAT, DT_COMPLEX
constexpr int nifti_axes = 7;

class NiftiHeader {
 public:
  NiftiHeader(const std::string& bytes, const std::string& path) : bytes_(bytes), path_(path) {
    for (const NiftiLayout& layout : {nifti_1, nifti_2}) {
      for (const bool swapped : {false, true}) {
        swapped_ = swapped;
        layout_ = layout;
        if (bytes.size() >= layout.bytes && number<std::int32_t>(0) == static_cast<std::int32_t>(layout.bytes)) {
          require_magic();
          return;
        }
      }
    }
    throw data_error(path,
                     "expected a NIfTI file: {} bytes, none of them a header of NIfTI-1 or NIfTI-2; check what "
                     "kind of file it is",
                     bytes.size());
  }

  bool swapped() const { return swapped_; }
  std::int64_t dim(int axis) const {
    const auto i = static_cast<std::size_t>(axis);
    return layout_.second ? number<std::int64_t>(layout_.dim + 8 * i) : number<std::int16_t>(layout_.dim + 2 * i);
  }
  std::int16_t datatype() const { return number<std::int16_t>(layout_.datatype); }
  double pixdim(std::size_t axis) const { return real(layout_.pixdim, axis); }
  double slope() const { return real(layout_.slope, 0); }
  double intercept() const { return real(layout_.intercept, 0); }
  double quaternion(std::size_t i) const { return real(layout_.quaternion, i); }
  double srow(std::size_t i) const { return real(layout_.srow, i); }
  double data_offset() const {
    if (layout_.second) return static_cast<double>(number<std::int64_t>(layout_.data_offset));
    return number<float>(layout_.data_offset);
  }
  std::size_t header_bytes() const { return layout_.bytes; }
  std::int64_t units() const {
    return layout_.second ? number<std::int32_t>(layout_.units) : number<std::int8_t>(layout_.units);
  }
  std::int64_t qform() const { return code(layout_.qform); }
  std::int64_t sform() const { return code(layout_.sform); }

 private:
  template <class T>
  T number(std::size_t at) const {
    T value{};
    std::memcpy(&value, bytes_.data() + at, sizeof value);
    if (swapped_) swap_bytes(reinterpret_cast<char*>(&value), sizeof value, sizeof value);
    return value;
  }
  double real(std::size_t field, std::size_t index) const {
    return layout_.second ? number<double>(field + 8 * index) : number<float>(field + 4 * index);
  }
  std::int64_t code(std::size_t field) const {
    return layout_.second ? number<std::int32_t>(field) : number<std::int16_t>(field);
  }
  void require_magic() const {
    const std::string magic = bytes_.substr(layout_.magic, 3);
    if (magic == (layout_.second ? "n+2" : "n+1")) return;
    if (magic == "ni1" || magic == "ni2") {
      throw data_error(path_,
                       "is one half of a pair .hdr and .img; put them into one file .nii (nibabel, fslchfiletype)");
    }
    throw data_error(path_, "expected NIfTI, its magic is not n+1 or n+2: an Analyze file, or damaged; convert it");
  }

  const std::string& bytes_;
  const std::string& path_;
  NiftiLayout layout_ = nifti_1;
  bool swapped_ = false;
};

at::ScalarType nifti_type(std::int16_t code, const std::string& path) {
  switch (code) {
    case 2:
      return at::kByte;
    case 4:
      return at::kShort;
    case 8:
      return at::kInt;
    case nifti_float32:
      return at::kFloat;
    case nifti_complex64:
      return at::kComplexFloat;
    case 64:
      return at::kDouble;
    case 256:
      return at::kChar;
    case 512:
      return at::kUInt16;
    case 768:
      return at::kUInt32;
    case 1024:
      return at::kLong;
    case 1280:
      return at::kUInt64;
    case 1792:
      return at::kComplexDouble;
    case 128:
    case 2304:
      throw data_error(path, "holds colours (NIfTI's type {}), expected numbers; split its channels", code);
    default:
      throw data_error(path,
                       "expected integers, float32, float64 or complex numbers, got NIfTI's type {}; convert it to "
                       "float64",
                       code);
  }
}

/// Sizes [frames, z, y, x], checked against the bytes there are.
Shape nifti_shape(const NiftiHeader& header, std::size_t value_bytes, std::size_t stored, const std::string& path) {
  const std::int64_t axes = header.dim(0);
  if (axes < 2 || axes > nifti_axes) {
    throw data_error(path, "its header claims {} axes, expected 2 to {}; the file is damaged, or no image", axes,
                     nifti_axes);
  }
  auto bytes = static_cast<std::int64_t>(value_bytes);
  Shape shape = {1, 1, 1, 1};
  for (int axis = 1; axis <= axes; ++axis) {
    const std::int64_t extent = header.dim(axis);
    if (extent < 1 || __builtin_mul_overflow(bytes, extent, &bytes)) {
      throw data_error(path, "expected sizes of 1 and more, got {} along axis {}; fetch the file again", extent, axis);
    }
    shape[axis <= 3 ? static_cast<std::size_t>(4 - axis) : 0] *= extent;
  }
  if (bytes > static_cast<std::int64_t>(stored)) {
    throw data_error(path, "its header claims {} bytes of numbers, {} are stored; it may be cut off: fetch it again",
                     bytes, stored);
  }
  return shape;
}

/// What a unit of length and of time is worth, in mm and in seconds (xyzt_units).
double length_unit(std::int64_t units) {
  const std::int64_t code = units & 7;
  return code == 1 ? 1000 : code == 3 ? 0.001 : 1;
}
double time_unit(std::int64_t units) {
  const std::int64_t code = units & 0x38;
  return code == 8 ? 1 : code == 16 ? 1e-3 : code == 24 ? 1e-6 : 0;
}

/// The rotation of a unit quaternion, and where the first voxel lies (nifti1.h, method 2).
std::array<double, 12> qform_affine(const NiftiHeader& header) {
  const double b = header.quaternion(0), c = header.quaternion(1), d = header.quaternion(2);
  const double a = std::sqrt(std::max(0.0, 1 - b * b - c * c - d * d));
  const double third = header.pixdim(0) < 0 ? -1 : 1;
  const std::array<double, 9> rotation = {
      a * a + b * b - c * c - d * d, 2 * (b * c - a * d),           2 * (b * d + a * c),
      2 * (b * c + a * d),           a * a + c * c - b * b - d * d, 2 * (c * d - a * b),
      2 * (b * d - a * c),           2 * (c * d + a * b),           a * a + d * d - b * b - c * c};
  std::array<double, 12> affine{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      affine[4 * row + axis] = rotation[3 * row + axis] * std::abs(header.pixdim(axis + 1)) * (axis == 2 ? third : 1);
    }
    affine[4 * row + 3] = header.quaternion(3 + row);
  }
  return affine;
}

ImageGeometry nifti_geometry(const NiftiHeader& header, const Shape& shape) {
  ImageGeometry geometry;
  const double mm = length_unit(header.units());
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double size = std::abs(header.pixdim(axis + 1)) * mm;
    if (std::isfinite(size) && size > 0) geometry.voxel_mm[axis] = size;
  }
  std::optional<std::array<double, 12>> affine;
  if (header.sform() > 0) {
    affine.emplace();
    for (std::size_t i = 0; i < 12; ++i) (*affine)[i] = header.srow(i);
    geometry.space = header.sform();
  } else if (header.qform() > 0) {
    affine = qform_affine(header);
    geometry.space = header.qform();
  }
  if (affine && std::all_of(affine->begin(), affine->end(), [](double v) { return std::isfinite(v); })) {
    for (double& value : *affine) value *= mm;
    geometry.affine = affine;
  }
  geometry.height = shape[2];
  geometry.width = shape[3];
  if (shape[0] > 1) {
    geometry.slices = shape[1];
    const double frame = header.pixdim(4) * time_unit(header.units());
    if (std::isfinite(frame) && frame > 0) geometry.frame_s = frame;
  }
  return geometry;
}

template <class T>
void put(std::string& header, std::size_t at, T value) {
  std::memcpy(header.data() + at, &value, sizeof value);
}

}  // namespace

NiftiFile NiftiFile::open(const std::string& path, std::int64_t max_bytes) {
  std::string bytes = read_whole_file(path, max_bytes);
  if (is_gzip(bytes)) bytes = gunzip(bytes, max_bytes, path);
  const NiftiHeader header(bytes, path);
  const double offset = header.data_offset();
  if (!(offset >= static_cast<double>(header.header_bytes())) || offset > static_cast<double>(bytes.size())) {
    throw data_error(path, "its values begin at byte {}, the file has {}; fetch it again", offset, bytes.size());
  }
  const auto begin = static_cast<std::size_t>(offset);
  const at::ScalarType type = nifti_type(header.datatype(), path);
  const Shape shape = nifti_shape(header, c10::elementSize(type), bytes.size() - begin, path);
  NiftiFile file;
  file.stored_ = at::empty(shape, at::dtype(type));
  const std::size_t number = c10::isComplexType(type) ? c10::elementSize(type) / 2 : c10::elementSize(type);
  if (header.swapped()) swap_bytes(bytes.data() + begin, file.stored_.nbytes(), number);
  std::memcpy(file.stored_.data_ptr(), bytes.data() + begin, file.stored_.nbytes());
  // A slope of 0 means that there is none (nifti1.h).
  if (std::isfinite(header.slope()) && header.slope() != 0) {
    if (!std::isfinite(header.intercept())) {
      throw data_error(path, "its slope is {} and its intercept {}; the header is damaged", header.slope(),
                       header.intercept());
    }
    file.slope_ = header.slope();
    file.intercept_ = header.intercept();
  }
  file.geometry_ = nifti_geometry(header, shape);
  return file;
}

at::Tensor NiftiFile::Slices::slice(std::int64_t index) const {
  const at::Tensor one = stored[index];
  const at::Tensor numbers = one.to(one.is_complex() ? at::kComplexDouble : at::kDouble).contiguous();
  return slope == 1 && intercept == 0 ? numbers : numbers * slope + intercept;
}

NiftiFile::Slices NiftiFile::across(int axis) const {
  const std::int64_t from = 3 - axis;  // of [frames, z, y, x]
  const at::Tensor turned = stored_.movedim(from, 1);
  Slices slices{.stored = turned.reshape({-1, turned.size(2), turned.size(3)}),
                .slope = slope_,
                .intercept = intercept_,
                .geometry = geometry_};
  ImageGeometry& geometry = slices.geometry;
  geometry.height = turned.size(2);
  geometry.width = turned.size(3);
  if (geometry.slices > 0) geometry.slices = turned.size(1);
  std::array<std::size_t, 3> order{};  // which axis of the file each of ours is
  std::size_t next = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    if (i != static_cast<std::size_t>(axis)) order[next++] = i;
  }
  order[2] = static_cast<std::size_t>(axis);
  const ImageGeometry whole = geometry_;
  for (std::size_t i = 0; i < 3; ++i) {
    geometry.voxel_mm[i] = whole.voxel_mm[order[i]];
    for (std::size_t row = 0; whole.affine && row < 3; ++row) {
      (*geometry.affine)[4 * row + i] = (*whole.affine)[4 * row + order[i]];
    }
  }
  return slices;
}

bool is_nifti(const std::string& path) {
  std::string begin(nifti_1.bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<std::size_t>(file.gcount()));
  if (is_gzip(begin)) return path.ends_with(".nii.gz");
  if (begin.size() < nifti_1.bytes) return false;
  return begin.compare(nifti_1.magic, 3, "n+1") == 0 || begin.compare(nifti_2.magic, 3, "n+2") == 0;
}

at::Tensor read_nifti(const std::string& path, std::int64_t max_bytes) {
  const NiftiFile::Slices slices = NiftiFile::open(path, max_bytes).across(2);
  std::vector<at::Tensor> all;
  for (std::int64_t i = 0; i < slices.stored.size(0); ++i) {
    const at::Tensor one = slices.slice(i);
    all.push_back(one.to(one.is_complex() ? at::kComplexFloat : at::kFloat));
  }
  return at::stack(all);
}

void write_nifti(const std::string& path, const at::Tensor& stack, const ImageGeometry& geometry) {
  if (stack.dim() != 3 || stack.numel() == 0) {
    throw internal_error(path, "expected a stack of slices [N, H, W], got {}", to_string(shape_of(stack)));
  }
  const bool several = geometry.slices > 0 && stack.size(0) > geometry.slices && stack.size(0) % geometry.slices == 0;
  Shape dim = {3, stack.size(2), stack.size(1), several ? geometry.slices : stack.size(0), 1, 1, 1, 1};
  if (several) {
    dim[0] = 4;
    dim[4] = stack.size(0) / geometry.slices;
  }
  for (const std::int64_t size : dim) {
    constexpr std::int64_t longest = std::numeric_limits<std::int16_t>::max();
    if (size > longest) throw usage_error(path, "the format holds at most {} a side, these are {}", longest, size);
  }
  const at::Tensor values = resolved(stack.cpu().to(stack.is_complex() ? at::kComplexFloat : at::kFloat));
  constexpr std::size_t begin = 352;  // four bytes behind the header say that no extension follows
  std::string bytes(begin, '\0');
  put<std::int32_t>(bytes, 0, static_cast<std::int32_t>(nifti_1.bytes));
  for (std::size_t i = 0; i < dim.size(); ++i) put(bytes, nifti_1.dim + 2 * i, static_cast<std::int16_t>(dim[i]));
  put(bytes, nifti_1.datatype, values.is_complex() ? nifti_complex64 : nifti_float32);
  put(bytes, nifti_1.datatype + 2, static_cast<std::int16_t>(8 * values.element_size()));
  put(bytes, nifti_1.pixdim, 1.0F);
  for (std::size_t i = 0; i < 3; ++i) {
    put(bytes, nifti_1.pixdim + 4 * (i + 1), static_cast<float>(geometry.voxel_mm[i]));
  }
  if (several) put(bytes, nifti_1.pixdim + 16, static_cast<float>(geometry.frame_s));
  put(bytes, nifti_1.data_offset, static_cast<float>(begin));
  put(bytes, nifti_1.slope, 1.0F);
  bytes[nifti_1.units] = several && geometry.frame_s > 0 ? 2 | 8 : 2;  // millimetres, seconds
  std::memcpy(bytes.data() + 148, "recon", 5);                         // its description
  if (geometry.affine) {
    put(bytes, nifti_1.sform, static_cast<std::int16_t>(geometry.space));
    for (std::size_t i = 0; i < 12; ++i) {
      put(bytes, nifti_1.srow + 4 * i, static_cast<float>((*geometry.affine)[i]));
    }
  }
  std::memcpy(bytes.data() + nifti_1.magic, "n+1", 3);
  bytes.append(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
  write_file_atomically(path, path.ends_with(".gz") ? gzip(bytes) : bytes);
}

}  // namespace recon
