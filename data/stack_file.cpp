#include "data/stack_file.h"

#include <ATen/ATen.h>
#include <tiffio.h>

#include <cmath>
#include <limits>
#include <memory>

#include "data/atomic_file.h"
#include "recon/core/error.h"
#include "recon/core/tensor_spec.h"

namespace recon {
namespace {

at::Tensor checked_stack(const std::string& path, const at::Tensor& stack, std::int64_t longest) {
  if (stack.dim() != 3 || stack.numel() == 0) {
    throw internal_error(path, "expected a stack of slices [N, H, W], got {}", to_string(shape_of(stack)));
  }
  for (const std::int64_t size : stack.sizes()) {
    if (size > longest) throw usage_error(path, "the format holds at most {} a side, these are {}", longest, size);
  }
  return resolved(stack.cpu().to(stack.is_complex() ? at::kComplexFloat : at::kFloat));
}

/// Pages are planes along z: one of the orders of axes that the schema knows.
std::string ome_xml(const at::Tensor& stack, const std::optional<ImageGeometry>& geometry) {
  std::string sizes;
  for (std::size_t axis = 0; geometry && axis < 3; ++axis) {
    sizes += fmt::format(" PhysicalSize{0}=\"{1:.9g}\" PhysicalSize{0}Unit=\"\u00b5m\"", "XYZ"[axis],
                         geometry -> voxel_mm[axis] * 1000);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" "
      "Creator=\"recon\"><Image ID=\"Image:0\"><Pixels ID=\"Pixels:0\" DimensionOrder=\"XYZCT\" Type=\"float\" "
      "BigEndian=\"false\" SizeX=\"{}\" SizeY=\"{}\" SizeZ=\"{}\" SizeC=\"1\" SizeT=\"1\"{}>"
      "<Channel ID=\"Channel:0:0\" SamplesPerPixel=\"1\"/><TiffData/></Pixels></Image></OME>",
      stack.size(2), stack.size(1), stack.size(0), sizes);
}

void write_pixel_size(TIFF* file, const ImageGeometry& geometry) {
  TIFFSetField(file, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
  TIFFSetField(file, TIFFTAG_XRESOLUTION, 10 / geometry.voxel_mm[0]);
  TIFFSetField(file, TIFFTAG_YRESOLUTION, 10 / geometry.voxel_mm[1]);
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

void write_tiff_stack(const std::string& path, const at::Tensor& stack, const std::optional<ImageGeometry>& geometry) {
  const bool ome = path.ends_with(".ome.tif") || path.ends_with(".ome.tiff");
  const at::Tensor values =
      checked_stack(path, stack.is_complex() ? stack.abs() : stack, std::numeric_limits<std::int32_t>::max());
  AtomicFile target(path);
  // "8": BigTIFF where the offsets of the classic format do not reach.
  constexpr std::size_t classic_limit = std::size_t{1} << 31;
  const char* mode = values.nbytes() > classic_limit ? "w8" : "w";
  {
    const std::unique_ptr<TIFF, void (*)(TIFF*)> file(TIFFOpen(target.temporary().c_str(), mode), TIFFClose);
    if (file == nullptr) throw data_error(path, "cannot be written as TIFF");
    for (std::int64_t i = 0; i < values.size(0); ++i) {
      if (ome && i == 0) TIFFSetField(file.get(), TIFFTAG_IMAGEDESCRIPTION, ome_xml(values, geometry).c_str());
      if (geometry) write_pixel_size(file.get(), *geometry);
      write_page(file.get(), values[i], path);
    }
    if (TIFFFlush(file.get()) != 1) throw data_error(path, "cannot be written; check the free space of the disk");
  }
  target.commit();
}

}  // namespace recon
