#include "recon/pipeline/train/training_output.h"

#include <numbers>
#include <set>

#include "data/atomic_file.h"
#include "data/image_source.h"
#include "priors/checkpoints/prior_writer.h"
#include "priors/load_prior.h"
#include "recon/core/log.h"
#include "recon/pipeline/train/training_picture.h"

namespace recon {
namespace {

constexpr std::int64_t largest_attribution_bytes = 64 << 20;

std::string channels_in_words(const TrainingPlan& plan) {
  std::set<std::int64_t> stored;
  for (const auto& text : plan.images) stored.insert(ImageSource::open(text).image(0).size(0));
  const bool colour = stored.contains(3), grey = stored.contains(1);
  const std::string pictures = colour && grey ? "partly in colour" : colour ? "in colour" : "grey";
  if (plan.setup.channels == PriorChannels::gray) return pictures + (colour ? ", taken as grey (luma)" : "");
  return pictures + (grey ? ", grey ones repeated in three channels" : "");
}

}  // namespace

TrainingOutput::TrainingOutput(const TrainingPlan& plan, const TrainingTask& task, c10::Device device)
    : plan_(plan),
      images_(task.images),
      validation_(task.validation),
      measure_(task.measure),
      device_(device),
      facts_{.description = task.description,
             .parameters = task.network->parameter_count(),
             .image_count = task.images.count,
             .channels = channels_in_words(plan),
             .figures = {},
             .figure_images = 0} {}

void TrainingOutput::write_weights(const NetworkPrior& prior, const UNet2D& network) const {
  const PriorTexts texts{plan_.setup.description, plan_.setup.training_data, plan_.setup.licence,
                         plan_.attribution_name()};
  if (!plan_.attribution.empty()) {
    write_file_atomically((plan_.output / texts.attribution).string(),
                          read_whole_file(plan_.attribution, largest_attribution_bytes));
  }
  const at::ScalarType type = plan_.setup.weights == WeightType::float16 ? at::kHalf : at::kFloat;
  write_prior(plan_.output, prior.description(), network, texts, type);
}

void TrainingOutput::report(const NetworkPrior& prior, const TrainingHistory& history) const {
  write_training_card(plan_, facts_, history);
  write_training_picture(plan_.output / "progress.png", prior, validation_.count > 0 ? validation_ : images_, history,
                         plan_.options.crop, device_, measure_);
  if (const std::string warning = overfitting_warning(history); !warning.empty()) log::warn("{}", warning);
}

void TrainingOutput::measure(const TrainingHistory& history) {
  if (validation_.count < 1 || measure_) return;  // it is no denoiser of x_t alone
  const PriorPtr prior = load_prior(plan_.output.string() + "/");
  facts_.figure_images = std::min(plan_.options.validation_images, validation_.count);
  const TrainingImages middles{validation_.count, [&](std::int64_t index) {
                                 return middle_part(validation_.image(index), prior->domain().multiple,
                                                    largest_shown_px(facts_.description));
                               }};
  facts_.figures = denoising_figures(*prior, middles, facts_.figure_images);
  write_training_card(plan_, facts_, history);
}

std::string overfitting_warning(const TrainingHistory& history) {
  const ValidationPoint* best = best_validation(history);
  if (best == nullptr || history.validations.size() < 3) return "";
  const ValidationPoint &last = history.validations.back(), &before = *(history.validations.end() - 2);
  if (best == &last || best == &before) return "";
  const double worse_db = 10 / std::numbers::ln10 * (mean_log_error(last.table) - mean_log_error(best->table));
  return fmt::format(
      "validation has turned up: after step {} it is {:.2f} dB worse than after step {}, whose weights the output "
      "keeps; more images would help, or fewer steps",
      last.step, worse_db, best->step);
}

}  // namespace recon
