#include "data/image_io.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <opencv2/core.hpp>

#include "data/atomic_file.h"
#include "data/codecs/picture_codecs.h"
#include "data/picture.h"
#include "data/picture_orientation.h"
#include "data/tiff_file.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::int64_t max_file_bytes = std::int64_t{4} << 30;
constexpr std::array endings = {".png", ".jpg", ".jpeg", ".tif", ".tiff"};

/// What 1.0 is in the stored type; 1 for floats.
double full_scale(const at::Tensor& pixels) {
  if (pixels.scalar_type() == at::kByte) return 255;
  return pixels.scalar_type() == at::kUInt16 ? 65535 : 1;
}

bool is_tiff(const std::string& path) {
  std::array<char, 4> head{};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  return TiffFile::looks_like_tiff({head.data(), head.size()});
}

StoredPicture stored_tiff(const std::string& path, const ImageReadOptions& options) {
  const TiffFile file(path);
  if (!options.page && file.pages() > 1) {
    throw data_error(path, "expected one picture, the file has {} pages; save the one that is meant alone",
                     file.pages());
  }
  const std::int64_t page = options.page.value_or(0);
  if (page < 0 || page >= file.pages()) {
    throw data_error(path, "page {} was asked for, the file has {}; choose among those there are", page, file.pages());
  }
  const TiffPage stored = file.read(page, options.max_pixels);
  return {.planes = stored.planes, .full_scale = stored.full_scale};
}

/// Drops or refuses alpha, and does what the rule of channels asks for.
at::Tensor arrange_channels(const at::Tensor& planes, const ImageReadOptions& options, const std::string& path) {
  const std::int64_t channels = planes.size(0);
  const bool alpha = channels == 2 || channels == 4;
  if (alpha && options.alpha == AlphaRule::refuse) {
    throw data_error(
        path, "expected 1 or 3 channels, got {} (the last is alpha); flatten the picture or ask to drop it", channels);
  }
  if (channels > 4) throw data_error(path, "expected 1 or 3 channels, got {}; convert the picture", channels);
  const at::Tensor image = alpha ? planes.slice(0, 0, channels - 1) : planes;
  return with_channels(image, options.channels).contiguous();
}

void check_picture(const at::Tensor& image, const std::string& location) {
  if (!image.defined() || image.dim() != 3 || (image.size(0) != 1 && image.size(0) != 3) || image.numel() == 0) {
    throw internal_error(location, "expected a picture [1 or 3, H, W]");
  }
}

/// [C, H, W] in float32 as pixels [H, W, C]: float32 as picture.h's matrices have it, so that both round alike.
at::Tensor interleaved(const at::Tensor& image, const std::string& location) {
  check_picture(image, location);
  const at::Tensor real = (image.is_complex() ? image.abs() : image).cpu().to(at::kFloat);
  return real.permute({1, 2, 0}).contiguous();
}

/// The matrix as pixels [H, W, C] in the order R, G, B.
at::Tensor pixels_of(const cv::Mat& matrix) {
  const cv::Mat whole = matrix.isContinuous() ? matrix : matrix.clone();
  const at::Tensor view = at::from_blob(whole.data, {whole.rows, whole.cols, whole.channels()}, at::kByte);
  return whole.channels() == 3 ? view.flip(2) : view.clone();
}

}  // namespace

at::Tensor with_channels(const at::Tensor& image, ChannelRule rule) {
  if (rule == ChannelRule::rgb && image.size(0) == 1) return image.expand({3, -1, -1}).contiguous();
  if (rule == ChannelRule::gray && image.size(0) == 3) {
    return (0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]).unsqueeze(0);
  }
  return image;
}

cv::Mat to_mat(const at::Tensor& image, const std::string& location) {
  const at::Tensor pixels = interleaved(image, location).flip(2).contiguous();
  const cv::Mat view(static_cast<int>(image.size(1)), static_cast<int>(image.size(2)),
                     CV_32FC(static_cast<int>(image.size(0))), pixels.mutable_data_ptr());
  return view.clone();
}

at::Tensor to_unit(const at::Tensor& image, const ImageRange& range) {
  const at::Tensor real = (image.is_complex() ? image.abs() : image).cpu().to(at::kDouble);
  return at::nan_to_num((real - range.low) / (range.high - range.low), 0.0).clamp(0.0, 1.0);
}

bool is_image_name(const std::string& path) {
  std::string ending = std::filesystem::path(path).extension().string();
  for (char& letter : ending) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

std::int64_t picture_pages(const std::string& path) { return is_tiff(path) ? TiffFile(path).pages() : 1; }

StoredPicture read_stored(const std::string& path, const ImageReadOptions& options) {
  if (is_tiff(path)) return stored_tiff(path, options);
  if (options.page.value_or(0) != 0) throw data_error(path, "expected a TIFF file, only these have several pages");
  const std::string bytes = read_whole_file(path, max_file_bytes);
  const at::Tensor pixels = decode_picture({.path = path, .bytes = bytes, .max_pixels = options.max_pixels});
  const at::Tensor planes = pixels.permute({2, 0, 1}).to(at::kDouble).contiguous();
  return {.planes = oriented(planes, exif_orientation(bytes)), .full_scale = full_scale(pixels)};
}

int StoredPicture::used_bits() const {
  if (full_scale != 65535) return 0;
  const double largest = planes.max().item<double>();
  for (const int bits : {8, 10, 12, 14}) {
    if (largest >= 1 && largest < (1 << bits)) return bits;
  }
  return 0;
}

at::Tensor read_image(const std::string& path, const ImageReadOptions& options) {
  return scaled_picture(read_stored(path, options), options, path);
}

at::Tensor scaled_picture(const StoredPicture& stored, const ImageReadOptions& options, const std::string& path) {
  return arrange_channels(stored.planes.div(stored.full_scale).to(at::kFloat), options, path);
}

void write_png(const std::string& path, const at::Tensor& image, const ImageRange& range, int bits) {
  if (bits != 8 && bits != 16) throw internal_error(path, "expected 8 or 16 bits, got {}", bits);
  check_picture(image, path);
  const at::Tensor steps = at::round(interleaved(to_unit(image, range), path) * (bits == 8 ? 255 : 65535));
  const at::Tensor pixels = steps.to(at::kInt).to(bits == 8 ? at::kByte : at::kUInt16);
  write_file_atomically(path, encode_png(pixels, path));
}

void write_tiff(const std::string& path, const at::Tensor& image) {
  write_file_atomically(path, encode_tiff(interleaved(image, path), path));
}

std::string mat_webp(const cv::Mat& pixels) { return encode_webp(pixels_of(pixels)); }

void write_mat_png(const std::string& path, const cv::Mat& pixels) {
  write_file_atomically(path, encode_png(pixels_of(pixels), path));
}

}  // namespace recon
