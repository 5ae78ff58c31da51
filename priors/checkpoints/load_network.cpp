#include "priors/checkpoints/load_network.h"

#include <ATen/ATen.h>

#include "priors/networks/adm_unet.h"
#include "priors/networks/song_unet.h"
#include "priors/networks/unet2d.h"
#include "recon/core/error.h"

namespace recon {
namespace {

PriorCard card_of(const PriorFiles& files) {
  if (files.card) return read_prior_card(*files.card);
  PriorCard card;
  card.location = (files.folder / "prior.yaml").string();
  return card;
}

NetworkConfig config_of(const PriorFiles& files, const PriorCard& card) {
  if (const auto* const adm = std::get_if<AdmConfig>(&card.architecture)) return *adm;
  if (const auto* const song = std::get_if<SongConfig>(&card.architecture)) return *song;
  if (const auto* const adm = std::get_if<DhariwalConfig>(&card.architecture)) return *adm;
  if (const auto* const script = std::get_if<TorchScriptConfig>(&card.architecture)) {
    if (!card.weights) throw data_error(card.location, "`architecture: torchscript` needs `weights: FILE`");
    return *script;
  }
  if (files.network_config) return read_unet2d_config(*files.network_config);
  throw data_error(card.location,
                   "there is no config.json of diffusers in the folder, and the card does not say the network; add an "
                   "`architecture` or a `preset` (recon/docs/priors.md, \"Bring a checkpoint\")");
}

template <class Net, class Config>
std::shared_ptr<const Network> built(const Config& config, const PriorSources& sources) {
  const Checkpoint checkpoint = sources.open_weights();
  CheckpointParameters parameters(checkpoint);
  auto network = std::make_shared<const Net>(config, parameters);
  parameters.require_complete();
  return network;
}

struct Builder {
  const PriorSources& sources;
  std::shared_ptr<const Network> operator()(const UNet2DConfig& config) { return built<UNet2D>(config, sources); }
  std::shared_ptr<const Network> operator()(const AdmConfig& config) { return built<AdmUNet>(config, sources); }
  std::shared_ptr<const Network> operator()(const SongConfig& config) { return built<SongUNet>(config, sources); }
  std::shared_ptr<const Network> operator()(const TorchScriptConfig& config) {
    return load_torchscript(*sources.card.weights, config);
  }
};

NetworkFacts facts(const UNet2DConfig& config) {
  return {.in_channels = config.in_channels,
          .size_multiple = config.size_multiple(),
          .sample_size = config.sample_size,
          .conditioned_on_noise_level = config.fourier_time};
}
NetworkFacts facts(const AdmConfig& config) {
  return {.in_channels = config.in_channels,
          .size_multiple = config.size_multiple(),
          .sample_size = {config.image_size, config.image_size},
          .learned_variance = config.learn_sigma};
}
NetworkFacts facts(const SongConfig& config) {
  return {.in_channels = config.in_channels,
          .size_multiple = config.size_multiple(),
          .sample_size = {config.img_resolution, config.img_resolution},
          .conditioned_on_noise_level = true};
}

NetworkFacts facts(const TorchScriptConfig& config) {
  NetworkFacts facts{
      .in_channels = config.in_channels, .size_multiple = config.size_multiple, .learned_variance = config.learn_sigma};
  if (config.image_size > 0) facts.sample_size = {config.image_size, config.image_size};
  return facts;
}

}  // namespace

PriorSources::PriorSources(const std::filesystem::path& folder)
    : files(locate_prior_files(folder)), card(card_of(files)), network(config_of(files, card)) {}

Checkpoint PriorSources::open_weights() const {
  return Checkpoint::open(card.weights.value_or(files.weights_folder), card.selection);
}

NetworkFacts facts_of(const NetworkConfig& config) {
  return std::visit([](const auto& options) { return facts(options); }, config);
}

std::shared_ptr<const Network> load_network(const PriorSources& sources) {
  return std::visit(Builder{sources}, sources.network);
}

}  // namespace recon
