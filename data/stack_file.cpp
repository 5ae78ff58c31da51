#include "data/stack_file.h"

#include <ATen/ATen.h>
#include <tiffio.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <memory>

#include "data/atomic_file.h"
#include "data/gzip.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

/// The 348 bytes of nifti1.h, little endian like every machine this runs on.
struct NiftiHeader {
  std::int32_t header_bytes = 348;
  char unused_1[35] = {};
  char dim_info = 0;
  std::int16_t dim[8] = {};
  float intent[3] = {};
  std::int16_t intent_code = 0, datatype = 0, bits = 0, slice_start = 0;
  float pixdim[8] = {};
  float data_offset = 352, slope = 1, intercept = 0;
  std::int16_t slice_end = 0;
  char slice_code = 0, units = 2;  ///< millimetres
  float unused_2[4] = {};
  std::int32_t unused_3[2] = {};
  char description[80] = "recon";
  char auxiliary_file[24] = {};
  std::int16_t qform_code = 0, sform_code = 0;
  float quaternion[6] = {}, affine[12] = {};
  char intent_name[16] = {};
  char magic[4] = {'n', '+', '1', '\0'};
  char extension[4] = {};  ///< none follows
};
static_assert(sizeof(NiftiHeader) == 352 && offsetof(NiftiHeader, dim) == 40 && offsetof(NiftiHeader, pixdim) == 76 &&
              offsetof(NiftiHeader, qform_code) == 252 && offsetof(NiftiHeader, magic) == 344);

at::ScalarType nifti_type(std::int16_t code, const std::string& path) {
  const std::map<std::int16_t, at::ScalarType> types = {{2, at::kByte},   {4, at::kShort},         {8, at::kInt},
                                                        {16, at::kFloat}, {32, at::kComplexFloat}, {64, at::kDouble},
                                                        {256, at::kChar}, {512, at::kUInt16},      {768, at::kUInt32}};
  const auto found = types.find(code);
  if (found != types.end()) return found->second;
  throw data_error(path, "expected integers of 8 to 32 bits, floats or complex64, got NIfTI's type {}; convert it",
                   code);
}

/// Sizes [N, H, W], checked against the bytes there are behind the header.
Shape nifti_shape(const NiftiHeader& header, std::size_t value_bytes, std::size_t stored, const std::string& path) {
  const bool sound = header.dim[0] >= 2 && header.dim[0] <= 7;
  auto bytes = static_cast<std::int64_t>(value_bytes);
  std::int64_t slices = 1;
  for (int axis = 1; sound && axis <= header.dim[0]; ++axis) {
    const std::int64_t extent = header.dim[axis];
    if (extent < 1 || __builtin_mul_overflow(bytes, extent, &bytes)) {
      throw data_error(path, "expected sizes of 1 and more, got {} along axis {}; fetch the file again", extent, axis);
    }
    if (axis > 2) slices *= extent;
  }
  if (!sound || bytes > static_cast<std::int64_t>(stored)) {
    throw data_error(path,
                     "its header claims {} axes and {} bytes, {} are stored; the file may be truncated; fetch it again",
                     header.dim[0], bytes, stored);
  }
  return {slices, header.dim[2], header.dim[1]};
}

at::Tensor checked_stack(const std::string& path, const at::Tensor& stack, std::int64_t longest) {
  if (stack.dim() != 3 || stack.numel() == 0) {
    throw internal_error(path, "expected a stack of slices [N, H, W], got {}", to_string(shape_of(stack)));
  }
  for (const std::int64_t size : stack.sizes()) {
    if (size > longest) throw usage_error(path, "the format holds at most {} a side, these are {}", longest, size);
  }
  return resolved(stack.cpu().to(stack.is_complex() ? at::kComplexFloat : at::kFloat));
}

void write_page(TIFF* file, const at::Tensor& page, const std::string& path) {
  const auto width = static_cast<std::uint32_t>(page.size(1)), height = static_cast<std::uint32_t>(page.size(0));
  TIFFSetField(file, TIFFTAG_SUBFILETYPE, FILETYPE_PAGE);
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, width);
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, 32);
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, 1);
  TIFFSetField(file, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_IEEEFP);
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  TIFFSetField(file, TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  TIFFSetField(file, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, height);
  const at::Tensor own = page.contiguous();
  const auto bytes = static_cast<tmsize_t>(own.nbytes());
  if (TIFFWriteEncodedStrip(file, 0, own.data_ptr(), bytes) != bytes || TIFFWriteDirectory(file) != 1) {
    throw data_error(path, "cannot write a page of the stack; check the free space and permissions of the disk");
  }
}

}  // namespace

void write_nifti(const std::string& path, const at::Tensor& stack, const VoxelSize& voxel_mm) {
  const std::int64_t stacks = stack.dim() == 4 ? stack.size(0) : 1, longest = std::numeric_limits<std::int16_t>::max();
  if (stacks > longest) throw usage_error(path, "the format holds at most {} volumes, these are {}", longest, stacks);
  const at::Tensor one_after_the_other = stack.dim() == 4 ? stack.flatten(0, 1) : stack;
  at::Tensor values = checked_stack(path, stacks == 1 ? one_after_the_other : stack[0], longest);
  NiftiHeader header;
  header.dim[0] = stacks > 1 ? 4 : 3;
  header.pixdim[0] = 1;
  for (int axis = 0; axis < 3; ++axis) {
    header.dim[axis + 1] = static_cast<std::int16_t>(values.size(2 - axis));
    header.pixdim[axis + 1] = static_cast<float>(voxel_mm[static_cast<std::size_t>(axis)]);
  }
  for (int axis = 4; axis < 8; ++axis) header.dim[axis] = 1;
  header.dim[4] = static_cast<std::int16_t>(stacks);
  if (stacks > 1) values = resolved(one_after_the_other.cpu().to(values.scalar_type()));
  constexpr std::int16_t float32 = 16, complex64 = 32;  // DT_FLOAT, DT_COMPLEX
  header.datatype = values.is_complex() ? complex64 : float32;
  header.bits = static_cast<std::int16_t>(8 * values.element_size());
  std::string bytes(sizeof header, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  bytes.append(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
  write_file_atomically(path, path.ends_with(".gz") ? gzip(bytes) : bytes);
}

at::Tensor read_nifti(const std::string& path, std::int64_t max_bytes) {
  std::string bytes = read_whole_file(path, max_bytes);
  if (is_gzip(bytes)) bytes = gunzip(bytes, max_bytes, path);
  NiftiHeader header;
  const std::size_t fixed = sizeof header - sizeof header.extension;
  if (bytes.size() < fixed) throw data_error(path, "expected a NIfTI-1 file, got {} bytes: no header", bytes.size());
  std::memcpy(static_cast<void*>(&header), bytes.data(), fixed);  // all but what follows in the file
  if (header.header_bytes != 348 || std::memcmp(header.magic, "n+1", 4) != 0) {
    throw data_error(path,
                     "expected a NIfTI-1 file in one part, little endian (magic n+1), got another header; convert "
                     "it");
  }
  if (!(header.data_offset >= static_cast<float>(fixed)) || header.data_offset > static_cast<float>(bytes.size())) {
    throw data_error(path, "its values begin at byte {}, the file has {}; fetch it again", header.data_offset,
                     bytes.size());
  }
  const auto begin = static_cast<std::size_t>(header.data_offset);
  const at::ScalarType type = nifti_type(header.datatype, path);
  const Shape shape = nifti_shape(header, c10::elementSize(type), bytes.size() - begin, path);
  at::Tensor values = at::empty(shape, at::dtype(type));
  std::memcpy(values.data_ptr(), bytes.data() + begin, values.nbytes());
  if (!values.is_complex()) values = values.to(at::kDouble);
  // A slope of 0 means that there is none (nifti1.h).
  if (std::isfinite(header.slope) && header.slope != 0 && !(header.slope == 1 && header.intercept == 0)) {
    values = values * header.slope + header.intercept;
  }
  return values.is_complex() ? values : values.to(at::kFloat);
}

void write_tiff_stack(const std::string& path, const at::Tensor& stack) {
  const at::Tensor values =
      checked_stack(path, stack.is_complex() ? stack.abs() : stack, std::numeric_limits<std::int32_t>::max());
  AtomicFile target(path);
  // "8": BigTIFF where the offsets of the classic format do not reach.
  constexpr std::size_t classic_limit = std::size_t{1} << 31;
  const char* mode = values.nbytes() > classic_limit ? "w8" : "w";
  {
    const std::unique_ptr<TIFF, void (*)(TIFF*)> file(TIFFOpen(target.temporary().c_str(), mode), TIFFClose);
    if (file == nullptr) throw data_error(path, "cannot be written as TIFF");
    for (std::int64_t i = 0; i < values.size(0); ++i) write_page(file.get(), values[i], path);
    if (TIFFFlush(file.get()) != 1) throw data_error(path, "cannot be written; check the free space of the disk");
  }
  target.commit();
}

}  // namespace recon
