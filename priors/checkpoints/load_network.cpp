#include "priors/checkpoints/load_network.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "priors/json_fields.h"
#include "priors/networks/network_kind.h"
#include "recon/core/error.h"
#include "recon/core/words.h"

namespace recon {
namespace {

PriorCard card_of(const PriorFiles& files) {
  if (files.card) return read_prior_card(*files.card);
  PriorCard card;
  card.location = (files.folder / "prior.yaml").string();
  return card;
}

/// The architecture whose class a config.json of diffusers names (without a name: that of UNet2DModel).
const NetworkKind& kind_of_class(const nlohmann::json& json, const std::string& location) {
  std::string class_name = "UNet2DModel";
  if (json.is_object() && json.contains("_class_name") && json["_class_name"].is_string()) {
    class_name = json["_class_name"].get<std::string>();
  }
  std::vector<std::string> known;
  for (const NetworkKind& kind : network_kinds()) {
    if (kind.json_class.empty()) continue;
    if (kind.json_class == class_name) return kind;
    known.push_back(kind.json_class);
  }
  throw data_error(location, "'_class_name': supported is {}, got '{}'", alternatives(known), class_name);
}

ChosenNetwork described_network(const PriorFiles& files, const PriorCard& card) {
  if (!card.images.empty()) throw data_error(card.location, "expected a network, got a prior made of images");
  if (!card.mean.empty()) throw data_error(card.location, "expected a network, got a Gaussian prior");
  if (card.network.kind != nullptr) {
    if (!card.network.kind->program_format.empty() && !card.weights) {
      throw data_error(card.location, "`architecture: {}` needs `weights: FILE`", card.network.kind->name);
    }
    return card.network;
  }
  if (files.network_config) {
    const nlohmann::json json = parse_json_file(*files.network_config);
    const std::string location = files.network_config->string();
    const NetworkKind& kind = kind_of_class(json, location);
    return {.kind = &kind, .config = kind.read_json(json, location)};
  }
  throw data_error(card.location,
                   "there is no config.json of diffusers in the folder, and the card does not say the network; add an "
                   "`architecture` or a `preset` (recon/docs/priors.md, \"Bring a checkpoint\")");
}

ChosenNetwork network_of(const PriorFiles& files, const PriorCard& card) {
  ChosenNetwork network = described_network(files, card);
  choose_class(network.config->classes(), card.class_label, card.location);
  return network;
}

}  // namespace

PriorSources::PriorSources(const std::filesystem::path& folder)
    : files(locate_prior_files(folder)), card(card_of(files)), network(network_of(files, card)) {}

Checkpoint PriorSources::open_weights() const {
  return Checkpoint::open(card.weights.value_or(files.weights_folder), card.selection);
}

std::shared_ptr<const Network> load_network(const PriorSources& sources) {
  const ChosenNetwork& network = sources.network;
  if (!network.kind->program_format.empty()) return network.config->load(*sources.card.weights);
  const Checkpoint checkpoint = sources.open_weights();
  CheckpointParameters parameters(checkpoint);
  auto built = network.config->build(parameters);
  parameters.require_complete();
  return built;
}

}  // namespace recon
