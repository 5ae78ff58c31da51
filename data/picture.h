#pragma once

#include <ATen/core/Tensor.h>

#include <opencv2/core/mat.hpp>
#include <string>

#include "data/image_range.h"

// Private to data: between tensors and OpenCV's matrices (interleaved, B, G, R).
namespace recon {

/// float32 matrix of [1 or 3, H, W], magnitude of complex values; Error(internal) naming `location` for other shapes.
cv::Mat to_mat(const at::Tensor& image, const std::string& location);

/// range.low -> 0, range.high -> 1, clipped, NaN -> 0.
at::Tensor to_unit(const at::Tensor& image, const ImageRange& range);

/// The curves with axes and legend; y on a logarithmic axis. Error(internal) without a point to draw.
cv::Mat plot_mat(const std::vector<PanelCurve>& curves, const cv::Size& size);

/// 8-bit matrix as the bytes of a lossless WebP file.
std::string mat_webp(const cv::Mat& pixels);

/// 8-bit matrix as PNG, atomically.
void write_mat_png(const std::string& path, const cv::Mat& pixels);

}  // namespace recon
