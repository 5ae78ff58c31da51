#include "recon/pipeline/train/training_card.h"

#include <fmt/ranges.h>

#include "data/atomic_file.h"
#include "recon/config/option_lister.h"
#include "recon/config/version.h"
#include "recon/pipeline/train/training_picture.h"

namespace recon {
namespace {

/// The tables of the kept weights: the yardstick, once it is measured, and the errors by relative sigma.
std::string denoising_text(const TrainingCardFacts& facts, const DenoisingTable& table) {
  std::string text;
  const std::int64_t largest = largest_shown_px(facts.description);
  if (!facts.figures.empty()) {
    text += fmt::format(
        "\nMean PSNR in dB, after clipping, of denoising {} validation images{};\nbeside it total variation with its "
        "weight by the discrepancy principle. `recon inspect PRIOR --denoise IMAGES` makes\nthis table on any "
        "images.\n\n",
        facts.figure_images,
        largest > 0 ? fmt::format(" (their middle where a side is over {} pixels)", largest) : "");
    text += denoising_markdown(facts.figures);
  }
  text +=
      "\nBy relative sigma r (noise std over signal, in the value range's units), without clipping:\n\n"
      "| r | mean squared error | PSNR / dB |\n|---|---|---|\n";
  const double peak = facts.description.domain.high - facts.description.domain.low;
  for (const auto& [r, mse] : table) {
    text += fmt::format("| {:.3g} | {:.4g} | {:.2f} |\n", r, mse, denoising_psnr(mse, peak));
  }
  return text;
}

std::string card_text(const TrainingPlan& plan, const TrainingCardFacts& facts, const TrainingHistory& history) {
  const TrainingOptions& options = plan.options;
  const NetworkPriorDescription& description = facts.description;
  const ValidationPoint* best = best_validation(history);
  std::string text = fmt::format("# {}\n\n", description.name);
  if (!plan.setup.description.empty()) text += plan.setup.description + "\n\n";
  text += "| | |\n|---|---|\n";
  const auto row = [&](const char* what, const std::string& value) {
    text += fmt::format("| {} | {} |\n", what, value);
  };
  row("Network",
      fmt::format("`UNet2DModel` of diffusers, {} parameters, stored as {}", facts.parameters, to_string(plan.setup.weights)));
  row("Predicts", fmt::format("{} of the process {}", to_string(description.prediction), description.schedule.name()));
  if (const auto& known = description.measurement) {
    row("Knows",
        fmt::format("y of {}, noise std {:.4g} of the value range's units: E[x_0 given x_t and y], for the solver "
                    "`posterior_denoiser`",
                    known->op, fmt::join(known->noise_std, " to ")));
  }
  if (description.position_channels) row("Sees", "where each pixel lies in its image");
  row("Value range", fmt::format("[{:g}, {:g}]", description.domain.low, description.domain.high));
  row("Sizes", fmt::format("any; multiples of {}", description.domain.multiple));
  const std::string images = fmt::format("{} images, {}", facts.image_count, facts.channels);
  row("Trained on",
      plan.setup.training_data.empty() ? images : fmt::format("{} ({})", plan.setup.training_data, images));
  row("Steps", fmt::format("{} of {} images each{}", history.step, options.batch,
                           options.crop > 0 ? fmt::format(", crops of {} pixels", options.crop) : ""));
  if (best != nullptr) row("Weights", fmt::format("of step {}, the best in validation", best->step));
  row("Started from", plan.setup.init.empty() ? "fresh weights" : "`" + plan.setup.init + "`");
  row("Time", fmt::format("{:.1f} hours", history.seconds / 3600));
  if (history.skipped > 0) row("Steps skipped", std::to_string(history.skipped));
  if (!plan.setup.licence.empty()) row("Licence", plan.setup.licence);
  if (!plan.attribution.empty()) {
    row("Attribution",
        fmt::format("[{0}]({0}) says who made the images; it goes with the weights", plan.attribution_name()));
  }
  text += fmt::format("\nMade by recon {} from `training_config.yaml`.\n\n![Loss](loss.svg)\n", program_version);
  return best == nullptr ? text : text + denoising_text(facts, best->table);
}

}  // namespace

void write_training_card(const TrainingPlan& plan, const TrainingCardFacts& facts, const TrainingHistory& history) {
  const PlotOptions plot{.title = plan.setup.name,
                         .x_label = "step",
                         .y_label = "loss, mean squared error",
                         .log_x = false,
                         .log_y = true};
  const auto write = [&](const char* name, const std::string& text) {
    write_file_atomically((plan.output / name).string(), text);
  };
  write("loss.svg", line_plot_svg(training_curves(history), plot));
  write("training_config.yaml", to_yaml(plan.resolved));
  write("README.md", card_text(plan, facts, history));
}

}  // namespace recon
