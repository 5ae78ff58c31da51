#include "recon/pipeline/inspect/prior_inspection.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <filesystem>
#include <optional>

#include "data/content_hash.h"
#include "priors/checkpoints/golden.h"
#include "priors/checkpoints/load_network.h"
#include "priors/checkpoints/preset_match.h"
#include "priors/checkpoints/safetensors.h"
#include "priors/checkpoints/torch_file.h"
#include "priors/diagnostics/interpretation_search.h"
#include "priors/empirical_prior.h"
#include "priors/gaussian_prior.h"
#include "priors/load_prior.h"
#include "priors/mapped_file.h"
#include "recon/core/error.h"
#include "recon/core/resources.h"
#include "recon/core/rng.h"
#include "recon/core/rounded_up.h"
#include "recon/pipeline/items/image_collection.h"
#include "recon/pipeline/items/prior_option.h"

namespace recon {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kTrialCrops = 2, kTrialSide = 64, kLargestTrialSide = 128;

/// Size of the pictures that a prior is tried on.
Shape trial_shape(const ImageDomain& domain) {
  if (!domain.fixed_size.empty()) return {domain.channels, domain.fixed_size[0], domain.fixed_size[1]};
  const std::int64_t side = rounded_up(kTrialSide, domain.multiple);
  return {domain.channels, side, side};
}

/// A smooth shading with two sharp-edged shapes: not a photograph, but no prior of images should make it worse.
at::Tensor drawn_picture(const Shape& shape, const ImageDomain& domain) {
  const at::Tensor row = at::linspace(0, 1, shape[1], at::kFloat).unsqueeze(1);
  const at::Tensor column = at::linspace(0, 1, shape[2], at::kFloat).unsqueeze(0);
  at::Tensor picture = 0.3 + 0.4 * row * column;
  const at::Tensor disk = ((row - 0.35).square() + (column - 0.4).square() < 0.04);
  const at::Tensor box = (row > 0.6).logical_and(row < 0.85).logical_and(column > 0.5).logical_and(column < 0.9);
  picture = at::where(disk, 0.85 * at::ones_like(picture), picture);
  picture = at::where(box, 0.1 * at::ones_like(picture), picture);
  return (domain.low + (domain.high - domain.low) * picture).expand({1, shape[0], shape[1], shape[2]}).contiguous();
}

/// Relative difference of <J u, v> by central differences and <u, J^T v> by the pullback.
double pullback_error(const Prior& prior, const at::Tensor& x, const NoiseLevel& level, const Rng& rng) {
  const TensorSpec spec = spec_of_item(x);
  const at::Tensor u = rng.normal({{0, 0}}, 1, spec, x.options());
  const at::Tensor v = rng.normal({{0, 0}}, 2, spec, x.options());
  const double pulled = real_inner(u, prior.linearize(x, level).pullback(v)).item<double>();
  const double h = 1e-2 * level.sigma;  // large enough for float32, small beside the noise
  const at::Tensor difference = (prior.denoise(x + h * u, level) - prior.denoise(x - h * u, level)) / (2 * h);
  const double expected = real_inner(difference, v).item<double>();
  const double scale = std::sqrt(squared_norms(difference).item<double>() * squared_norms(v).item<double>());
  return std::abs(pulled - expected) / scale;
}

void check_denoiser(Inspection& inspection, const Prior& prior, const at::Tensor& picture) {
  const Rng rng(0, "denoiser check");
  const double half_range = (prior.domain().high - prior.domain().low) / 2;
  for (const double relative_sigma : {0.05, 0.2, 0.5, 1.0}) {
    const double sigma = relative_sigma * half_range;
    const NoiseLevel level = prior.schedule().at(prior.schedule().time_of(sigma));
    const at::Tensor noise = rng.normal({{0, 0}}, 0, spec_of_item(picture), picture.options());
    const at::Tensor x_t = level.alpha * picture + level.sigma * noise;
    const double mse = (prior.denoise(x_t, level) - picture).square().mean().item<double>();
    const double limit = level.relative_sigma() * level.relative_sigma();
    inspection.check(
        fmt::format("mean squared error at relative sigma {:.3g} below that of the noise", level.relative_sigma()), mse,
        limit, mse < limit);
    if (relative_sigma == 0.2) {
      const double error = pullback_error(prior, x_t, level, rng);
      // Central differences in float32: truncation h² and rounding eps/h, both about 1e-4 of the derivative here.
      inspection.check("pullback against finite differences", error, 1e-2, error < 1e-2);
    }
  }
}

/// Height and width of the pictures that a network is read with: those it was made for where it takes no others; a
/// convolutional one is tried on less than a large size of its own.
Shape reading_size(const Network& network, const ImageDomain& domain) {
  if (domain.fixed_size.empty()) return {trial_shape(domain)[1], trial_shape(domain)[2]};
  if (!network.is_convolutional()) return domain.fixed_size;
  return Shape(2, rounded_up(std::min(domain.fixed_size[0], kLargestTrialSide), domain.multiple));
}

/// Continued by its mirror image to at least `size`.
at::Tensor continued(at::Tensor image, const Shape& size) {
  while (image.size(1) < size[0]) image = at::cat({image, image.flip(1)}, 1);
  while (image.size(2) < size[1]) image = at::cat({image, image.flip(2)}, 2);
  return image;
}

/// Crops of images of the source, float32 [n, C, H, W] in [0, 1].
at::Tensor trial_crops(const std::string& source, const ImageDomain& domain, const Shape& size) {
  ImageDomain unit = domain;
  unit.low = 0;
  unit.high = 1;
  const TrainingImages data = open_image_collection({source}, unit, {0, 1});
  std::vector<at::Tensor> crops;
  for (std::int64_t i = 0; i < kTrialCrops; ++i) {
    const at::Tensor image = continued(data.image(i % data.count), size);
    const std::int64_t rows = image.size(1) - size[0], columns = image.size(2) - size[1];
    // From opposite corners, so that one image gives different crops.
    crops.push_back(image.narrow(1, i % 2 == 0 ? 0 : rows, size[0]).narrow(2, i % 2 == 0 ? columns : 0, size[1]));
  }
  return at::stack(crops).contiguous();
}

void check_reading(Inspection& inspection, const Prior& prior, const std::string& images) {
  const auto* const network_prior = dynamic_cast<const NetworkPrior*>(&prior);
  if (network_prior == nullptr) return;
  const char* const sample = prior.domain().channels == 3 ? "data/samples/portrait.png" : "data/samples/photograph.png";
  const Network& network = network_prior->network();
  const at::Tensor crops = trial_crops(images.empty() ? resource(sample).string() : images, prior.domain(),
                                       reading_size(network, prior.domain()));
  const c10::InferenceMode no_graph;
  const InterpretationSearch search =
      search_interpretations(network, network_prior->description(), crops, Rng(0, "reading"));
  inspection.check("error of the card's reading over the best reading's", search.ratio(),
                   std::exp(InterpretationSearch::kAgreement), search.card_agrees());
  inspection.found["network_wants"] = search.card_agrees() ? std::vector<std::string>{} : search.differences();
  if (prior.domain().channels == 3 && !search.channel_order_decided) {
    inspection.found["channel_order"] =
        "cannot be told from these images; give colour ones of the prior's kind by --images";
  }
  if (images.empty() && !search.card_agrees()) {
    inspection.found["checked_on"] =
        "a shipped photograph; before you change the card, give images of the prior's kind by --images";
  }
  if (const std::string alike = search.equivalent_interpretations(); !alike.empty())
    inspection.found["reads_alike"] = alike;
  inspection.found["card_to_paste"] = card_lines(search.card_agrees() ? search.card : search.best);
}

/// A prior made of images or a Gaussian one; none: it is a network.
std::optional<Inspection> inspect_closed_form(const std::string& path_or_name, bool check) {
  const std::optional<PriorCard> card = closed_form_card(path_or_name);
  if (!card) return std::nullopt;
  const PriorPtr prior = open_prior(path_or_name);
  const ImageDomain& domain = prior->domain();
  Inspection inspection;
  inspection.found = {{"kind", "prior"},
                      {"name", prior->name()},
                      {"folder", find_prior(path_or_name)},
                      {"hash", hash_of_prior(path_or_name)}};
  at::Tensor one;
  if (const auto* const empirical = dynamic_cast<const EmpiricalPrior*>(prior.get())) {
    inspection.found["images"] = empirical->images().size(0);
    inspection.found["width"] = empirical->width();
    inspection.found["image_sources"] = card->images;
    one = empirical->images().narrow(0, 0, 1).to(at::kFloat);
  } else {
    inspection.found["mean"] = card->mean;
    inspection.found["power_spectrum"] = card->power_spectrum;
    one = dynamic_cast<const GaussianPrior&>(*prior).sample(Rng(0, "inspection"), {{0, 0}}, at::kFloat);
  }
  inspection.found.update({{"schedule", prior->schedule().name()},
                           {"value_range", {domain.low, domain.high}},
                           {"channels", domain.channels},
                           {"size", domain.fixed_size},
                           {"description", card->description},
                           {"training_data", card->training_data},
                           {"licence", card->licence},
                           {"attribution", card->attribution}});
  if (check) check_denoiser(inspection, *prior, one);
  return inspection;
}

}  // namespace

namespace {

/// The class that a prior is of; nothing for a network without labels.
void describe_class(Inspection& inspection, const std::string& folder) {
  const PriorSources sources(folder);
  const ClassLabels* const labels = sources.network.config->classes();
  if (labels == nullptr || labels->count == 0) return;
  inspection.found["classes"] = labels->count;
  const std::int64_t chosen = labels->chosen.value_or(ClassLabels::kNoClass);
  inspection.found["class"] = chosen == ClassLabels::kNoClass ? ordered_json("none") : ordered_json(chosen);
}

void propose_presets(Inspection& inspection, const std::string& path) {
  inspection.found["presets"] = ordered_json::array();
  const auto matches = matching_presets(path);
  for (const auto& [preset, card] : matches) inspection.found["presets"].push_back(preset);
  if (!matches.empty()) inspection.found["card"] = matches.front().card;
}

}  // namespace

Inspection inspect_prior(const std::string& path_or_name, bool check, const std::string& images) {
  if (auto closed_form = inspect_closed_form(path_or_name, check)) return *closed_form;
  const PriorSummary summary = inspect_prior(path_or_name);
  const NetworkPriorDescription& description = summary.description;
  const ImageDomain& domain = description.domain;
  Inspection inspection;
  inspection.found = {{"kind", "prior"},
                      {"name", description.name},
                      {"folder", summary.folder},
                      {"hash", content_hash_of_path(summary.folder)},
                      {"parameters", summary.parameters},
                      {"weight_types", summary.weight_types},
                      {"weight_files", summary.weight_files},
                      {"prediction", to_string(description.prediction)},
                      {"schedule", description.schedule.name()},
                      {"time_input", to_string(description.time_input)},
                      {"time_scale", description.time_scale},
                      {"input_scaling", to_string(description.scaling())},
                      {"sigma_data", description.sigma_data},
                      {"value_range", {domain.low, domain.high}},
                      {"channels", domain.channels},
                      {"size", domain.fixed_size.empty() ? ordered_json("any") : ordered_json(domain.fixed_size)},
                      {"multiple", domain.multiple},
                      {"space_to_depth", description.space_to_depth},
                      {"position_channels", description.position_channels},
                      {"symmetry", to_string(description.symmetry)},
                      {"channel_order", description.bgr ? "bgr" : "rgb"},
                      {"max_relative_sigma", description.max_relative_sigma},
                      {"denoising_mse_entries", description.denoising_mse.size()},
                      {"description", summary.card_description},
                      {"training_data", summary.training_data},
                      {"licence", summary.licence},
                      {"attribution", summary.attribution}};
  if (const auto& known = description.measurement) {
    inspection.found["measurement"] = {{"operator", known->op}, {"noise_std", known->noise_std}};
  }
  describe_class(inspection, summary.folder);
  if (check) {
    const PriorPtr prior = load_prior(path_or_name);
    check_denoiser(inspection, *prior, drawn_picture(trial_shape(domain), domain));
    check_reading(inspection, *prior, images);
  }
  return inspection;
}

Inspection inspect_golden(const std::string& path_or_name, const std::string& golden, double tolerance) {
  const std::string folder = find_prior(path_or_name);
  const GoldenReport report = check_golden(folder, golden);
  Inspection inspection;
  inspection.found = {{"kind", "prior"}, {"folder", folder}, {"golden", golden}, {"items", report.items}};
  inspection.check("largest relative error of the output", report.output_error, tolerance,
                   report.output_error <= tolerance);
  if (report.vjp_error) {
    inspection.check("largest relative error of the vector-Jacobian product", *report.vjp_error, tolerance,
                     *report.vjp_error <= tolerance);
  }
  return inspection;
}

bool is_torch_file(const std::string& path) {
  const std::string ending = std::filesystem::path(path).extension().string();
  const bool named = ending == ".pt" || ending == ".pth" || ending == ".bin";
  return named && std::filesystem::is_regular_file(path) && TorchFile::looks_like_torch(MappedFile(path).bytes());
}

bool has_bare_weights(const std::string& folder) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(folder)) return false;
  bool weights = false;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string(), ending = entry.path().extension().string();
    if (name == "prior.yaml" || name == "config.json" || name == "unet" || name == "model_index.json") return false;
    weights = weights || ending == ".pt" || ending == ".pth" || ending == ".bin" || ending == ".safetensors";
  }
  return weights;
}

Inspection inspect_weights(const std::string& path) {
  Inspection inspection;
  inspection.found = {{"kind", "weights"}, {"path", path}};
  propose_presets(inspection, path);
  if (inspection.found["presets"].empty()) {
    inspection.found["note"] =
        "no published model that recon knows has these tensors; describe the network in a card "
        "(recon/docs/priors.md, \"Bring a checkpoint\")";
  }
  return inspection;
}

Inspection inspect_safetensors(const std::string& path) {
  const SafetensorsFile file(path);
  Inspection inspection;
  inspection.found = {{"kind", "safetensors"}, {"path", path}, {"metadata", file.metadata()}};
  inspection.found["tensors"] = ordered_json::array();
  for (const auto& entry : file.entries()) {
    inspection.found["tensors"].push_back(
        {{"name", entry.name}, {"dtype", c10::toString(entry.dtype)}, {"shape", entry.shape}});
  }
  propose_presets(inspection, path);
  return inspection;
}

}  // namespace recon
