#include "data/image_io.h"

#include <ATen/ATen.h>

#include <array>
#include <filesystem>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>

#include "data/atomic_file.h"
#include "data/bit_depth.h"
#include "data/picture.h"
#include "recon/core/error.h"
#include "recon/core/log_once.h"

namespace recon {
namespace {

constexpr std::int64_t max_file_bytes = std::int64_t{4} << 30;
constexpr std::array endings = {".png", ".jpg", ".jpeg", ".tif", ".tiff"};

/// The encoded file as a matrix, in OpenCV's order B, G, R(, A). OpenCV decodes from memory: its own file reader gives
/// no reason when it fails.
cv::Mat decode(const std::string& path) {
  const std::string bytes = read_whole_file(path, max_file_bytes);
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  cv::Mat decoded;
  std::string reason = "its content is none of these, or damaged";
  try {
    const cv::Mat view(1, static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)), CV_8UC1,
                       const_cast<char*>(bytes.data()));  // NOLINT: cv::Mat has no const view; imdecode only reads
    decoded = bytes.empty() ? cv::Mat() : cv::imdecode(view, cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception& error) {
    reason = error.err;
  }
  if (decoded.empty()) {
    throw data_error(path, "expected a PNG, JPEG or TIFF picture, cannot read it ({}); convert or fetch it again",
                     reason);
  }
  return decoded;
}

/// What 1.0 is in the stored type; 1 for floats.
double full_scale(const cv::Mat& pixels, const std::string& path) {
  switch (pixels.depth()) {
    case CV_8U:
      return 255;
    case CV_16U:
      return 65535;
    case CV_32F:
    case CV_64F:
      return 1;
    default:
      throw data_error(path, "expected unsigned 8 or 16 bit or float samples, got {}; convert the picture",
                       cv::depthToString(pixels.depth()));
  }
}

/// Drops or refuses alpha, and turns B, G, R into R, G, B.
at::Tensor arrange_channels(const at::Tensor& planes, const ImageReadOptions& options, const std::string& path) {
  const std::int64_t channels = planes.size(0);
  const bool alpha = channels == 2 || channels == 4;
  if (alpha && options.alpha == AlphaRule::refuse) {
    throw data_error(
        path, "expected 1 or 3 channels, got {} (the last is alpha); flatten the picture or ask to drop it", channels);
  }
  if (channels > 4) throw data_error(path, "expected 1 or 3 channels, got {}; convert the picture", channels);
  at::Tensor image = alpha ? planes.slice(0, 0, channels - 1) : planes;
  if (image.size(0) == 3) image = image.flip(0);
  return with_channels(image, options.channels).contiguous();
}

std::string encoded(const std::string& path, const char* ending, const cv::Mat& pixels,
                    const std::vector<int>& parameters = {}) {
  std::vector<unsigned char> bytes;
  try {
    cv::imencode(ending, pixels, bytes, parameters);
  } catch (const cv::Exception& error) {
    throw internal_error(path, "cannot encode a picture of {} x {}: {}", pixels.cols, pixels.rows, error.err);
  }
  if (bytes.empty()) throw internal_error(path, "cannot encode a picture of {} x {}", pixels.cols, pixels.rows);
  return {bytes.begin(), bytes.end()};
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
  if (!image.defined() || image.dim() != 3 || (image.size(0) != 1 && image.size(0) != 3) || image.numel() == 0) {
    throw internal_error(location, "expected a picture [1 or 3, H, W]");
  }
  const at::Tensor real = (image.is_complex() ? image.abs() : image).cpu().to(at::kFloat);
  const at::Tensor interleaved = real.flip(0).permute({1, 2, 0}).contiguous();
  const cv::Mat view(static_cast<int>(image.size(1)), static_cast<int>(image.size(2)),
                     CV_32FC(static_cast<int>(image.size(0))), interleaved.mutable_data_ptr());
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

at::Tensor read_image(const std::string& path, const ImageReadOptions& options) {
  const cv::Mat stored = decode(path);
  if (static_cast<std::int64_t>(stored.total()) > options.max_pixels) {
    throw data_error(path, "expected at most {} pixels, got {} x {}; scale the picture down", options.max_pixels,
                     stored.cols, stored.rows);
  }
  const double scale = full_scale(stored, path);
  cv::Mat pixels;
  stored.convertTo(pixels, CV_64F);
  const at::Tensor interleaved = at::from_blob(pixels.data, {pixels.rows, pixels.cols, pixels.channels()}, at::kDouble);
  if (stored.depth() == CV_16U) {
    const std::string text =
        bit_depth_warning(interleaved.min().item<double>(), interleaved.max().item<double>(),
                          "if so, say `image_range: [0, {}/65535]`, or multiply the numbers so that they fill 16 bits");
    if (!text.empty()) log::warn_once(path + ": " + text);
  }
  const at::Tensor planes = interleaved.permute({2, 0, 1}).div(scale).to(at::kFloat);
  return arrange_channels(planes, options, path);
}

void write_png(const std::string& path, const at::Tensor& image, const ImageRange& range, int bits) {
  if (bits != 8 && bits != 16) throw internal_error(path, "expected 8 or 16 bits, got {}", bits);
  cv::Mat pixels;
  to_mat(to_unit(image, range), path).convertTo(pixels, bits == 8 ? CV_8U : CV_16U, bits == 8 ? 255 : 65535);
  write_file_atomically(path, encoded(path, ".png", pixels));
}

void write_tiff(const std::string& path, const at::Tensor& image) {
  // Uncompressed: OpenCV's default for three float channels is the lossy LogLuv. 1 is TIFF's COMPRESSION_NONE.
  write_file_atomically(path, encoded(path, ".tiff", to_mat(image, path), {cv::IMWRITE_TIFF_COMPRESSION, 1}));
}

std::string mat_webp(const cv::Mat& pixels) {
  constexpr int lossless = 101;  // any quality above 100
  return encoded("WebP", ".webp", pixels, {cv::IMWRITE_WEBP_QUALITY, lossless});
}

void write_mat_png(const std::string& path, const cv::Mat& pixels) {
  write_file_atomically(path, encoded(path, ".png", pixels));
}

}  // namespace recon
