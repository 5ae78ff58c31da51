#include <ATen/ATen.h>
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "data/codecs/picture_codecs.h"

namespace recon {
namespace {

/// A file in memory for libtiff's callbacks, and the first fault that it reports.
struct TiffMemory {
  std::string bytes;
  std::size_t position = 0;
  std::string message;
};

TiffMemory& memory_of(thandle_t handle) { return *static_cast<TiffMemory*>(handle); }

tmsize_t read_memory(thandle_t handle, void* out, tmsize_t count) {
  TiffMemory& memory = memory_of(handle);
  const std::size_t rest = memory.bytes.size() - std::min(memory.position, memory.bytes.size());
  const std::size_t taken = std::min(static_cast<std::size_t>(count), rest);
  std::memcpy(out, memory.bytes.data() + std::min(memory.position, memory.bytes.size()), taken);
  memory.position += taken;
  return static_cast<tmsize_t>(taken);
}

tmsize_t write_memory(thandle_t handle, void* data, tmsize_t count) {
  TiffMemory& memory = memory_of(handle);
  const std::size_t end = memory.position + static_cast<std::size_t>(count);
  if (memory.bytes.size() < end) memory.bytes.resize(end);
  std::memcpy(memory.bytes.data() + memory.position, data, static_cast<std::size_t>(count));
  memory.position = end;
  return count;
}

toff_t seek_memory(thandle_t handle, toff_t offset, int whence) {
  TiffMemory& memory = memory_of(handle);
  const std::size_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? memory.position : memory.bytes.size();
  return memory.position = from + offset;
}

toff_t size_of_memory(thandle_t handle) { return memory_of(handle).bytes.size(); }
int close_memory(thandle_t) { return 0; }

int keep_message(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  char text[256] = {};
  std::vsnprintf(text, sizeof text, format, arguments);
  auto* memory = static_cast<TiffMemory*>(user);
  if (memory->message.empty()) memory->message = text;
  return 1;  // handled: nothing on stderr
}
int keep_quiet(TIFF*, void*, const char*, const char*, va_list) { return 1; }

using TiffPtr = std::unique_ptr<TIFF, void (*)(TIFF*)>;

TiffPtr open_tiff(TiffMemory& memory, const char* mode) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_message, &memory);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), keep_quiet, nullptr);
  return {TIFFClientOpenExt("picture", mode, &memory, read_memory, write_memory, seek_memory, close_memory,
                            size_of_memory, nullptr, nullptr, options.get()),
          TIFFClose};
}

}  // namespace

std::string encode_tiff(const at::Tensor& pixels, const std::string& path) {
  const at::Tensor own = pixels.to(at::kFloat).contiguous();
  TiffMemory memory;
  TiffPtr file = open_tiff(memory, "w");
  if (file == nullptr) throw internal_error(path, "cannot encode a TIFF picture: {}", memory.message);
  const auto height = static_cast<std::uint32_t>(own.size(0));
  TIFFSetField(file.get(), TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(own.size(1)));
  TIFFSetField(file.get(), TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(file.get(), TIFFTAG_BITSPERSAMPLE, 32);
  TIFFSetField(file.get(), TIFFTAG_SAMPLESPERPIXEL, static_cast<int>(own.size(2)));
  TIFFSetField(file.get(), TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_IEEEFP);
  TIFFSetField(file.get(), TIFFTAG_PHOTOMETRIC, own.size(2) == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
  TIFFSetField(file.get(), TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  TIFFSetField(file.get(), TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(file.get(), TIFFTAG_ROWSPERSTRIP, height);
  const auto bytes = static_cast<tmsize_t>(own.nbytes());
  const bool written = TIFFWriteEncodedStrip(file.get(), 0, own.mutable_data_ptr(), bytes) == bytes;
  file.reset();  // writes the directory
  if (!written || !memory.message.empty())
    throw internal_error(path, "cannot encode a TIFF picture: {}", memory.message);
  return std::move(memory.bytes);
}

}  // namespace recon
