#include "priors/train/validation.h"

#include <ATen/ATen.h>

#include "recon/core/error.h"
#include "recon/core/rng.h"

namespace recon {

double mean_log_error(const DenoisingTable& table) {
  double sum = 0;
  for (const auto& level : table) sum += std::log(level.second);
  return sum / static_cast<double>(table.size());
}

bool same_levels(const DenoisingTable& a, const DenoisingTable& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto& x, auto& y) { return x.first == y.first; });
}

at::Tensor middle_part(const at::Tensor& image, std::int64_t multiple, std::int64_t largest_side) {
  const auto middle = [&](const at::Tensor& x, std::int64_t axis) {
    const std::int64_t wanted = largest_side > 0 ? std::min(x.size(axis), largest_side) : x.size(axis);
    const std::int64_t side = wanted / multiple * multiple;
    if (side < 1) {
      throw data_error("validation data",
                       "an image of {} x {} is smaller than {} pixels, what the network takes at least", image.size(1),
                       image.size(2), multiple);
    }
    return x.narrow(axis, (x.size(axis) - side) / 2, side);
  };
  return middle(middle(image, 1), 2);
}

std::vector<double> validation_levels(const NoiseSchedule& schedule, std::int64_t count) {
  const double low = std::log(schedule.min_relative_sigma()), high = std::log(schedule.max_relative_sigma());
  std::vector<double> levels;
  for (std::int64_t i = 0; i < count; ++i) {
    levels.push_back(std::exp(std::lerp(low, high, static_cast<double>(i) / static_cast<double>(count - 1))));
  }
  return levels;
}

DenoisingTable denoising_table(const Prior& prior, const TrainingImages& data, std::int64_t images,
                               const std::vector<double>& relative_sigmas, c10::Device device, const Measure& measure) {
  const Rng rng(0, "validation noise"), measuring(0, "validation measurement");
  std::vector<double> sums(relative_sigmas.size(), 0);
  const std::int64_t count = std::min(images, data.count);
  if (count < 1) throw data_error("validation data", "expected at least one image, got none");
  for (std::int64_t i = 0; i < count; ++i) {
    const at::Tensor x0 = middle_part(data.image(i), prior.domain().multiple).unsqueeze(0).to(device);
    const std::vector<StreamKey> key{{static_cast<std::uint64_t>(i), 0}};
    const auto y = measure ? std::optional(measure(x0, measuring, key)) : std::nullopt;
    for (std::size_t k = 0; k < relative_sigmas.size(); ++k) {
      const NoiseLevel level{.alpha = 1, .sigma = relative_sigmas[k]};
      const at::Tensor noise = rng.normal(key, static_cast<std::uint32_t>(k), spec_of_item(x0), x0.options());
      const at::Tensor x_t = x0 + level.sigma * noise;
      const at::Tensor error = (y ? prior.denoise_given(x_t, level, *y) : prior.denoise(x_t, level)) - x0;
      sums[k] += error.square().mean().item<double>();
    }
  }
  DenoisingTable table;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    table.emplace_back(relative_sigmas[k], sums[k] / static_cast<double>(count));
  }
  return table;
}

PowerSpectrum power_spectrum_of(const TrainingImages& data, std::int64_t images) {
  std::vector<at::Tensor> used;
  std::int64_t side = 256;
  for (std::int64_t i = 0; i < std::min(images, data.count); ++i) {
    used.push_back(data.image(i));
    side = std::min({side, used.back().size(1), used.back().size(2)});
  }
  if (used.empty()) throw data_error("power spectrum", "expected at least one image, got none");
  for (at::Tensor& image : used) image = middle_part(image, side, side);
  return measured_power_spectrum(at::stack(used));
}

}  // namespace recon
