#include "recon/pipeline/solve/denoising_figures.h"

#include <ATen/ATen.h>

#include "operators/inpainting/inpainting.h"
#include "priors/train/validation.h"
#include "recon/core/error.h"
#include "recon/metrics/metrics.h"
#include "recon/solvers/classical/tv_pdhg.h"

namespace recon {
namespace {

std::vector<DenoisingFigure> yardstick_levels(const ImageDomain& domain) {
  std::vector<DenoisingFigure> figures;
  for (const int grey_levels : {15, 25, 50, 75}) {
    figures.push_back({.level = fmt::format("{}/255", grey_levels),
                       .relative_sigma = grey_levels / 255.0 * (domain.high - domain.low)});
  }
  for (const double r : {1.0, 3.0, 10.0}) figures.push_back({.level = fmt::format("r = {:g}", r), .relative_sigma = r});
  return figures;
}

at::Tensor tv_denoised(const at::Tensor& noisy, double noise_std) {
  const TensorSpec image = spec_of_item(noisy);
  const at::Tensor everything = at::ones({image.shape[1], image.shape[2]}, at::kFloat);
  const Problem problem{.op = make_inpainting(image, everything, "all"),
                        .y = noisy,
                        .noise_std = {noise_std},
                        .keys = {{0, 0}},
                        .image = image};
  return TvPdhg().solve(problem, nullptr, {}).x;
}

double clipped_psnr(const at::Tensor& estimate, const at::Tensor& truth, const ImageDomain& domain) {
  return psnr(estimate.clamp(domain.low, domain.high), truth, domain.high - domain.low).front();
}

}  // namespace

std::vector<DenoisingFigure> denoising_figures(const Prior& prior, const TrainingImages& images, std::int64_t count) {
  const ImageDomain& domain = prior.domain();
  const std::int64_t used = std::min(count, images.count);
  const Rng rng(0, "denoising");
  std::vector<DenoisingFigure> figures = yardstick_levels(domain);
  for (std::int64_t i = 0; i < used; ++i) {
    const at::Tensor truth = middle_part(images.image(i), domain.multiple).unsqueeze(0);
    const at::Tensor noise = rng.normal({{static_cast<std::uint64_t>(i), 0}}, 0, spec_of_item(truth), truth.options());
    for (auto& figure : figures) {
      const double sigma = figure.relative_sigma;
      const at::Tensor noisy = truth + sigma * noise, denoised = prior.denoise(noisy, {.alpha = 1, .sigma = sigma});
      figure.psnr += clipped_psnr(denoised, truth, domain) / static_cast<double>(used);
      figure.psnr_total_variation += clipped_psnr(tv_denoised(noisy, sigma), truth, domain) / static_cast<double>(used);
    }
  }
  return figures;
}

std::string denoising_markdown(const std::vector<DenoisingFigure>& figures) {
  std::string head = "| noise std |", rule = "|---|", ours = "| this prior |", tv = "| total variation |";
  for (const auto& figure : figures) {
    head += " " + figure.level + " |";
    rule += "---|";
    ours += fmt::format(" {:.2f} |", figure.psnr);
    tv += fmt::format(" {:.2f} |", figure.psnr_total_variation);
  }
  return head + "\n" + rule + "\n" + ours + "\n" + tv + "\n";
}

}  // namespace recon
