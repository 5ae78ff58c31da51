#include "recon/pipeline/inspect/denoising_inspection.h"

#include "priors/train/validation.h"
#include "recon/pipeline/items/image_collection.h"
#include "recon/pipeline/items/prior_option.h"
#include "recon/pipeline/solve/denoising_figures.h"

namespace recon {
namespace {

/// The key of a card.
std::string power_spectrum_lines(const PowerSpectrum& spectrum) {
  std::string lines = spectrum.empty() ? "" : "power_spectrum:\n";
  for (const auto& [frequency, power] : spectrum) lines += fmt::format("  - [{:.6g}, {:.5g}]\n", frequency, power);
  return lines;
}

}  // namespace

Inspection inspect_denoising(const std::string& path_or_name, const std::vector<std::string>& sets,
                             std::int64_t count) {
  const PriorPtr prior = open_prior(path_or_name);
  Inspection inspection;
  inspection.found = {{"kind", "prior"}, {"name", prior->name()}};
  auto& rows = inspection.found["denoising"] = nlohmann::ordered_json::array();
  std::string tables;
  for (const auto& set : sets) {
    const TrainingImages images = open_image_collection({set}, prior->domain(), {0, 1});
    const std::vector<DenoisingFigure> figures = denoising_figures(*prior, images, count);
    for (const auto& figure : figures) {
      rows.push_back({{"images", set},
                      {"count", std::min(count, images.count)},
                      {"level", figure.level},
                      {"relative_sigma", figure.relative_sigma},
                      {"psnr", figure.psnr},
                      {"psnr_total_variation", figure.psnr_total_variation}});
    }
    tables +=
        fmt::format("{}{} images of {}:\n\n{}\n{}", tables.empty() ? "" : "\n", std::min(count, images.count), set,
                    denoising_markdown(figures), power_spectrum_lines(power_spectrum_of(images, images.count)));
  }
  inspection.found["card_to_paste"] = tables;
  return inspection;
}

}  // namespace recon
