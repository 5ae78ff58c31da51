// `format: raw`: what a camera's sensor counted behind its mosaic of colour filters.
#include <ATen/ATen.h>

#include <algorithm>

#include "data/raw_mosaic.h"
#include "recon/core/error.h"
#include "recon/metrics/camera_noise.h"
#include "recon/pipeline/items/input_format.h"

namespace recon {
namespace {

/// What becomes of linear light: numbers as pictures store them, or as the sensor counts them.
enum class LightCurve { srgb, linear };
constexpr auto words_of(LightCurve) {
  using enum LightCurve;
  return std::to_array<Word<LightCurve>>({{srgb, "srgb"}, {linear, "linear"}});
}

/// What grey things are made grey by.
enum class WhiteBalance { camera, none };
constexpr auto words_of(WhiteBalance) {
  using enum WhiteBalance;
  return std::to_array<Word<WhiteBalance>>({{camera, "camera"}, {none, "none"}});
}

struct RawOptions {
  WhiteBalance white_balance = WhiteBalance::camera;
  LightCurve curve = LightCurve::srgb;

  void visit(ParameterVisitor& v) {
    v.choice("white_balance", white_balance, "the camera's own, as the file states it, or none");
    v.choice("curve", curve, "srgb: as pictures are stored; linear: as the sensor counts light");
  }
};

/// sRGB's curve (IEC 61966-2-1), odd: the noise of black pixels goes below 0.
at::Tensor srgb_curve(const at::Tensor& light) {
  const at::Tensor size = light.abs();
  const at::Tensor bent = 1.055 * size.clamp_min(0.0031308).pow(1 / 2.4) - 0.055;
  return light.sign() * at::where(size <= 0.0031308, 12.92 * size, bent);
}

/// The pixels behind filter 0 to 3 of the pattern, [H / 2, W / 2]: a view.
at::Tensor behind(const at::Tensor& values, std::int64_t filter) {
  return values.slice(0, filter / 2, std::nullopt, 2).slice(1, filter % 2, std::nullopt, 2);
}

/// A number for the pixels behind each filter, [H, W].
at::Tensor by_filter(const RawMosaic& mosaic, const std::array<double, 3>& of_colour) {
  const at::Tensor values = at::empty(mosaic.values.sizes(), at::kDouble);
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto colour = std::string_view("rgb").find(mosaic.pattern[static_cast<std::size_t>(i)]);
    behind(values, i).fill_(of_colour.at(colour));
  }
  return values;
}

/// Means of the pixels behind the same filter among the 5 x 5 around: what noise is to be expected is told by more than
/// the noisy value itself.
at::Tensor smoothed(const at::Tensor& values) {
  at::Tensor means = at::empty_like(values);
  for (std::int64_t i = 0; i < 4; ++i) {
    behind(means, i).copy_(at::avg_pool2d(behind(values, i).unsqueeze(0), {3, 3}, {1, 1}, {1, 1}, false, false)[0]);
  }
  return means;
}

std::optional<RawMosaic::Noise> estimated_noise(const RawMosaic& mosaic) {
  const auto found = estimate_camera_noise(mosaic.values, 1);
  if (!found) return std::nullopt;
  const double a = found->per_signal, b = found->constant;
  return RawMosaic::Noise{.per_signal = {a, a, a}, .constant = {b, b, b}};
}

ExternalFile open_raw(const RawOptions& options, const std::string& path) {
  const RawMosaic mosaic = read_raw_mosaic(path);
  const bool balanced = options.white_balance == WhiteBalance::camera;
  const std::array<double, 3> by = balanced ? mosaic.balance : std::array<double, 3>{1, 1, 1};
  const at::Tensor factor = by_filter(mosaic, by), counts = mosaic.values.to(at::kDouble);
  // The operator takes single values of the image, so that a curve over the image is one over the data. White is where
  // the first colour saturates: what lies above is white as well, as cameras do it.
  const auto shown = [&](const at::Tensor& light) {
    return options.curve == LightCurve::srgb ? srgb_curve(light) : light;
  };
  const auto item = [](const at::Tensor& values) { return values.to(at::kFloat).unsqueeze(0); };
  ExternalFile file{.count = 1,
                    .measurement = {{1, counts.size(0), counts.size(1)}, ScalarKind::real},
                    .y = [y = item(shown((counts * factor).clamp_max(1)))](std::int64_t) { return y; },
                    .image_shape = {3, counts.size(0), counts.size(1)},
                    .operator_config = "type: demosaicing\npattern: " + mosaic.pattern + "\n",
                    .range = ImageRange{0, 1}};
  const auto noise = mosaic.noise ? mosaic.noise : estimated_noise(mosaic);
  if (noise) {
    const at::Tensor mean = smoothed(counts).clamp(0, 1);
    const at::Tensor variance = by_filter(mosaic, noise->per_signal) * mean + by_filter(mosaic, noise->constant);
    const at::Tensor std = factor * variance.clamp_min(mosaic.step * mosaic.step / 12).sqrt();  // rounding at least
    const at::Tensor light = (mean * factor).clamp_max(1);
    file.std_map = [map = item((shown(light + std) - shown(light - std)) / 2)](std::int64_t) { return map; };
  }
  const auto words = [](const std::array<double, 3>& of) {
    return fmt::format("{:.4g}, {:.4g}, {:.4g}", of[0], of[1], of[2]);
  };
  file.facts = {
      {"camera", mosaic.camera},
      {"white_balance",
       balanced ? mosaic.balance_is_stated ? words(by) + " of red, green, blue" : "1, 1, 1: the file states none"
                : "none"},
      {"noise_of_light", !noise ? "not known: too few pixels that are neither black nor white"
                                : fmt::format("variance {:.3g} x + {:.3g} of green, {}", noise->per_signal[1],
                                              noise->constant[1], mosaic.noise ? "by the file" : "estimated")}};
  return file;
}

}  // namespace

InputFormat raw_format() {
  InputFormat format = InputFormat::of<RawOptions>(
      {.name = "raw", .summary = "raw files of cameras (DNG, CR2, NEF, ARW, ...): the mosaic of the sensor"}, open_raw);
  format.recognises = is_raw_name;
  format.last_resort = true;
  format.states_operator = true;
  return format;
}

}  // namespace recon
