#include "recon/pipeline/inspect/denoising_inspection.h"

#include <ATen/ATen.h>

#include "operators/inpainting/inpainting.h"
#include "priors/load_prior.h"
#include "priors/train/validation.h"
#include "recon/core/error.h"
#include "recon/metrics/metrics.h"
#include "recon/pipeline/items/image_collection.h"
#include "recon/solvers/classical/tv_pdhg.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

/// Total variation with the weight that the noise level asks for (discrepancy principle): what needs no training.
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

Inspection inspect_denoising(const std::string& path_or_name, const std::string& images, std::int64_t count) {
  const PriorPtr prior = load_prior(path_or_name);
  const ImageDomain& domain = prior->domain();
  const TrainingImages data = open_image_collection({images}, domain, {0, 1});
  const std::int64_t used = std::min(count, data.count);
  const Rng rng(0, "denoising");
  Inspection inspection;
  inspection.found = {{"kind", "prior"}, {"name", prior->name()}, {"images", images}, {"count", used}};
  ordered_json& rows = inspection.found["denoising"] = ordered_json::array();
  for (const double std : {0.1, 0.2, 0.5, 1.0, 3.0}) {
    const double sigma = std * (domain.high - domain.low) / 2;
    double denoised = 0, tv = 0;
    for (std::int64_t i = 0; i < used; ++i) {
      const at::Tensor truth = middle_part(data.image(i), domain.multiple).unsqueeze(0);
      const at::Tensor noisy =
          truth + sigma * rng.normal({{static_cast<std::uint64_t>(i), 0}}, 0, spec_of_item(truth), truth.options());
      denoised += clipped_psnr(prior->denoise(noisy, {.alpha = 1, .sigma = sigma}), truth, domain);
      tv += clipped_psnr(tv_denoised(noisy, sigma), truth, domain);
    }
    const auto n = static_cast<double>(used);
    rows.push_back({{"noise_std", sigma}, {"psnr", denoised / n}, {"psnr_total_variation", tv / n}});
  }
  return inspection;
}

}  // namespace recon
