#include "recon/pipeline/train/training_card.h"

#include "data/atomic_file.h"
#include "recon/config/option_lister.h"
#include "recon/config/version.h"
#include "recon/report/line_plot.h"

namespace recon {
namespace {

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

/// The validation error over the run at the levels nearest to some relative sigmas.
std::vector<Curve> validation_curves(const TrainingHistory& history) {
  std::vector<Curve> curves;
  if (history.validations.empty()) return curves;
  const DenoisingTable& levels = history.validations.front().table;
  for (const double wanted : {0.1, 0.5, 2.0, 20.0}) {
    std::size_t nearest = 0;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const auto distance = [&](std::size_t k) { return std::abs(std::log(levels[k].first / wanted)); };
      if (distance(i) < distance(nearest)) nearest = i;
    }
    Curve curve{.label = fmt::format("mse at r = {:.2g}", levels[nearest].first), .x = {}, .y = {}};
    for (const auto& point : history.validations) {
      if (point.table.size() != levels.size()) continue;
      curve.x.push_back(static_cast<double>(point.step));
      curve.y.push_back(point.table[nearest].second);
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

std::string card_text(const TrainingPlan& plan, const NetworkPrior& prior, const TrainingHistory& history,
                      std::int64_t image_count) {
  const TrainingOptions& options = plan.options;
  const NetworkPriorDescription& description = prior.description();
  std::string text = fmt::format("# {}\n\n", description.name);
  if (!plan.setup.description.empty()) text += plan.setup.description + "\n\n";
  text += "| | |\n|---|---|\n";
  const auto row = [&](const char* what, const std::string& value) {
    text += fmt::format("| {} | {} |\n", what, value);
  };
  row("Network", fmt::format("`UNet2DModel` of diffusers, {} parameters, stored as {}",
                             prior.network().parameter_count(), plan.setup.weights));
  row("Predicts", fmt::format("{} of the process {}", to_string(description.prediction), description.schedule.name()));
  row("Value range", fmt::format("[{:g}, {:g}]", description.domain.low, description.domain.high));
  row("Sizes", fmt::format("any; multiples of {}", description.domain.multiple));
  row("Trained on", plan.setup.training_data.empty()
                        ? fmt::format("{} images", image_count)
                        : fmt::format("{} ({} images)", plan.setup.training_data, image_count));
  row("Steps", fmt::format("{} of {} images each{}", history.step, options.batch,
                           options.crop > 0 ? fmt::format(", crops of {} pixels", options.crop) : ""));
  row("Started from", plan.setup.init.empty() ? "fresh weights" : "`" + plan.setup.init + "`");
  row("Time", fmt::format("{:.1f} hours", history.seconds / 3600));
  if (history.skipped > 0) row("Steps skipped", std::to_string(history.skipped));
  if (!plan.setup.licence.empty()) row("Licence", plan.setup.licence);
  text += fmt::format("\nMade by recon {} from `training_config.yaml`.\n\n![Loss](loss.svg)\n", program_version);
  if (history.validations.empty()) return text;
  text +=
      "\nDenoising of validation images by relative sigma r (noise std over signal, in the value range's units):\n\n"
      "| r | mean squared error | PSNR / dB |\n|---|---|---|\n";
  for (const auto& [r, mse] : history.validations.back().table) {
    text += fmt::format("| {:.3g} | {:.4g} | {:.2f} |\n", r, mse,
                        denoising_psnr(mse, description.domain.high - description.domain.low));
  }
  return text;
}

}  // namespace

void write_training_card(const TrainingPlan& plan, const NetworkPrior& prior, const TrainingHistory& history,
                         std::int64_t image_count) {
  std::vector<Curve> curves{smoothed(history.loss, 200)};
  for (auto& curve : validation_curves(history)) curves.push_back(std::move(curve));
  const PlotOptions plot{.title = plan.setup.name,
                         .x_label = "step",
                         .y_label = "loss, mean squared error",
                         .log_x = false,
                         .log_y = true};
  const auto write = [&](const char* name, const std::string& text) {
    write_file_atomically((plan.output / name).string(), text);
  };
  write("loss.svg", line_plot_svg(curves, plot));
  write("training_config.yaml", to_yaml(plan.resolved));
  write("README.md", card_text(plan, prior, history, image_count));
}

}  // namespace recon
