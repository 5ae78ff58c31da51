#include "recon/pipeline/train/training_picture.h"

#include <ATen/ATen.h>

#include <set>

#include "data/image_io.h"
#include "priors/samplers/draw.h"
#include "recon/metrics/metrics.h"

namespace recon {
namespace {

constexpr std::int64_t shown_images = 3;
constexpr int picture_columns = 5;  ///< clean, noisy, denoised, noisy, denoised; as many samples
constexpr std::int64_t sampling_steps = 10;

/// Means over up to `points` equal pieces of the run; steps without a finite loss are left out.
Curve smoothed(const std::vector<double>& loss, std::size_t points) {
  Curve curve{.label = "training loss", .x = {}, .y = {}};
  const std::size_t piece = std::max<std::size_t>(1, (loss.size() + points - 1) / points);
  for (std::size_t begin = 0; begin < loss.size(); begin += piece) {
    const std::size_t end = std::min(begin + piece, loss.size());
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (!std::isfinite(loss[i])) continue;
      sum += loss[i];
      ++count;
    }
    if (count == 0) continue;
    curve.x.push_back(static_cast<double>(begin + end) / 2);
    curve.y.push_back(sum / static_cast<double>(count));
  }
  return curve;
}

std::vector<PanelTile> denoised_row(const NetworkPrior& prior, const at::Tensor& truth, std::int64_t number) {
  const ImageDomain& domain = prior.domain();
  const ImageRange range{domain.low, domain.high};
  const Rng rng(0, "training picture");
  const at::Tensor noise =
      rng.normal({{static_cast<std::uint64_t>(number), 0}}, 0, spec_of_item(truth), truth.options());
  std::vector<PanelTile> tiles{{.label = fmt::format("image {}", number), .image = truth[0].cpu(), .range = range}};
  for (const int grey_levels : {25, 75}) {
    const double sigma = grey_levels / 255.0 * (domain.high - domain.low);
    const at::Tensor noisy = truth + sigma * noise;
    const at::Tensor denoised = prior.denoise(noisy, {.alpha = 1, .sigma = sigma}).clamp(domain.low, domain.high);
    const double db = psnr(denoised, truth, domain.high - domain.low).front();
    tiles.push_back({.label = fmt::format("noise {}/255", grey_levels), .image = noisy[0].cpu(), .range = range});
    tiles.push_back({.label = fmt::format("denoised: {:.2f} dB", db), .image = denoised[0].cpu(), .range = range});
  }
  return tiles;
}

/// What the network makes of the data alone, and of a noisy image beside them.
std::vector<PanelTile> measured_row(const NetworkPrior& prior, const at::Tensor& truth, std::int64_t number,
                                    const Measure& measure) {
  const ImageDomain& domain = prior.domain();
  const ImageRange range{domain.low, domain.high};
  const Rng rng(0, "training picture");
  const std::vector<StreamKey> key{{static_cast<std::uint64_t>(number), 0}};
  const at::Tensor noise = rng.normal(key, 0, spec_of_item(truth), truth.options());
  const LinearMeasurement y = measure(truth, Rng(0, "training picture, measured"), key);
  std::vector<PanelTile> tiles{{.label = fmt::format("image {}", number), .image = truth[0].cpu(), .range = range},
                               {.label = "data", .image = y.backprojected[0].cpu(), .range = range}};
  const auto add = [&](double r, const char* label) {
    const at::Tensor noisy = truth + r * noise;
    const at::Tensor denoised = prior.denoise_given(noisy, {.alpha = 1, .sigma = r}, y).clamp(domain.low, domain.high);
    const double db = psnr(denoised, truth, domain.high - domain.low).front();
    if (r < prior.max_relative_sigma()) {
      tiles.push_back({.label = fmt::format("noise {:.2g}", r), .image = noisy[0].cpu(), .range = range});
    }
    tiles.push_back({.label = fmt::format("{}: {:.2f} dB", label, db), .image = denoised[0].cpu(), .range = range});
  };
  add(prior.max_relative_sigma(), "by the data");
  add(0.15 * (domain.high - domain.low), "by both");
  return tiles;
}

std::vector<PanelTile> sample_row(const NetworkPrior& prior, const std::vector<std::int64_t>& size,
                                  const at::TensorOptions& like) {
  const auto sampler = sampler_kinds().find("dpmpp_2m", "training picture").make();
  sampler->steps = sampling_steps;
  DrawTask task{.keys = {}, .size = size, .like = like, .clip = true};
  for (std::uint64_t i = 0; i < picture_columns; ++i) task.keys.push_back({i, 0});
  const DrawReport drawn = draw(*sampler, prior, task);
  const ImageRange range{prior.domain().low, prior.domain().high};
  std::vector<PanelTile> tiles;
  for (std::int64_t i = 0; i < picture_columns; ++i) {
    const bool failed = drawn.diverged[static_cast<std::size_t>(i)];
    tiles.push_back({.label = failed ? "sample: diverged" : "sample", .image = drawn.x[i].cpu(), .range = range});
  }
  return tiles;
}

}  // namespace

std::vector<Curve> training_curves(const TrainingHistory& history) {
  std::vector<Curve> curves{smoothed(history.loss, 200)};
  if (history.validations.empty()) return curves;
  const DenoisingTable& levels = history.validations.back().table;
  std::set<std::size_t> shown;
  for (const double wanted : {0.1, 0.5, 2.0, 20.0}) {
    std::size_t nearest = 0;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const auto distance = [&](std::size_t k) { return std::abs(std::log(levels[k].first / wanted)); };
      if (distance(i) < distance(nearest)) nearest = i;
    }
    if (!shown.insert(nearest).second) continue;
    Curve curve{.label = fmt::format("mse at r = {:.2g}", levels[nearest].first), .x = {}, .y = {}};
    for (const auto& point : history.validations) {
      if (!same_levels(point.table, levels)) continue;
      curve.x.push_back(static_cast<double>(point.step));
      curve.y.push_back(point.table[nearest].second);
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

void write_training_picture(const std::filesystem::path& path, const NetworkPrior& prior, const TrainingImages& images,
                            const TrainingHistory& history, std::int64_t sample_side, c10::Device device,
                            const Measure& measure) {
  std::vector<PanelTile> tiles;
  at::Tensor truth;
  for (std::int64_t i = 0; i < std::min(shown_images, images.count); ++i) {
    truth = middle_part(images.image(i), prior.domain().multiple, largest_shown_px(prior.description()))
                .unsqueeze(0)
                .to(device);
    auto row = measure ? measured_row(prior, truth, i, measure) : denoised_row(prior, truth, i);
    for (auto& tile : row) tiles.push_back(std::move(tile));
  }
  std::vector<std::int64_t> size{truth.size(2), truth.size(3)};
  if (sample_side > 0 && !prior.description().position_channels) size = {sample_side, sample_side};
  if (!measure) {
    for (auto& tile : sample_row(prior, size, truth.options())) tiles.push_back(std::move(tile));
  }
  std::vector<PanelCurve> curves;
  for (auto& curve : training_curves(history)) {
    curves.push_back({.label = std::move(curve.label), .x = std::move(curve.x), .y = std::move(curve.y)});
  }
  write_png_panel(path.string(), tiles, picture_columns, curves);
}

}  // namespace recon
