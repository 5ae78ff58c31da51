#include "data/phantom.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <charconv>
#include <cmath>
#include <numbers>

#include "recon/core/error.h"

namespace recon {
namespace {

/// On [-1, 1]², x to the right, y up.
struct Ellipse {
  double value, half_x, half_y, x, y, tilt_deg;
};

constexpr Ellipse head[] = {{1.0, 0.69, 0.92, 0, 0, 0},        {-0.8, 0.6624, 0.8740, 0, -0.0184, 0},
                            {-0.2, 0.11, 0.31, 0.22, 0, -18},  {-0.2, 0.16, 0.41, -0.22, 0, 18},
                            {0.1, 0.21, 0.25, 0, 0.35, 0},     {0.1, 0.046, 0.046, 0, 0.1, 0},
                            {0.1, 0.046, 0.046, 0, -0.1, 0},   {0.1, 0.046, 0.023, -0.08, -0.605, 0},
                            {0.1, 0.023, 0.023, 0, -0.606, 0}, {0.1, 0.023, 0.046, 0.06, -0.605, 0}};

double value_at(double x, double y) {
  double value = 0;
  for (const Ellipse& e : head) {
    const double tilt = e.tilt_deg * std::numbers::pi / 180;
    const double along = (x - e.x) * std::cos(tilt) + (y - e.y) * std::sin(tilt);
    const double across = (y - e.y) * std::cos(tilt) - (x - e.x) * std::sin(tilt);
    const double u = along / e.half_x, v = across / e.half_y;
    if (u * u + v * v <= 1) value += e.value;
  }
  return value;
}

}  // namespace

std::optional<std::int64_t> phantom_size(const std::string& text) {
  if (!text.starts_with("phantom:")) return std::nullopt;
  const std::string known = "phantom:shepp_logan:";
  const std::string digits = text.starts_with(known) ? text.substr(known.size()) : "";
  std::int64_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  if (error != std::errc() || end != digits.data() + digits.size() || size < 1 || size > 8192) {
    throw usage_error(text, "expected phantom:shepp_logan:SIZE with a size from 1 to 8192 pixels");
  }
  return size;
}

at::Tensor shepp_logan(std::int64_t size) {
  if (size < 1) throw usage_error("shepp_logan", "expected a size of at least 1 pixel, got {}", size);
  constexpr std::int64_t points = 8;  // a side of a pixel
  const at::Tensor image = at::empty({1, size, size}, at::kFloat);
  auto* out = image.data_ptr<float>();
  const double step = 2 / static_cast<double>(size * points);
  at::parallel_for(0, size, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * size; i < end * size; ++i) {
      double sum = 0;
      for (std::int64_t p = 0; p < points * points; ++p) {
        const auto row = static_cast<double>(i / size * points + p / points);
        const auto column = static_cast<double>(i % size * points + p % points);
        sum += value_at((column + 0.5) * step - 1, 1 - (row + 0.5) * step);
      }
      out[i] = static_cast<float>(sum / (points * points));
    }
  });
  return image.clamp_(0, 1);  // 1 - 0.8 - 0.2 is not quite 0
}

}  // namespace recon
