// The architectures that come with the program.
#include <nlohmann/json.hpp>

#include "priors/networks/adm_unet.h"
#include "priors/networks/denoising_diffusion_unet.h"
#include "priors/networks/dncnn.h"
#include "priors/networks/drunet.h"
#include "priors/networks/exported_network.h"
#include "priors/networks/monai_unet.h"
#include "priors/networks/ncsnpp_unet.h"
#include "priors/networks/network_kind.h"
#include "priors/networks/song_unet.h"
#include "priors/networks/torchscript_network.h"
#include "priors/networks/unet2d.h"

namespace recon {
namespace {

/// The network of diffusers, whose options are its config.json.
class UNet2DOptions final : public NetworkConfig {
 public:
  explicit UNet2DOptions(UNet2DConfig config) : config_(std::move(config)) {}

  void visit(ParameterVisitor& v) override {
    throw internal_error(v.location(), "the options of a UNet2DModel stand in its config.json");
  }
  void complete(const std::string&) override {}
  NetworkFacts facts() const override {
    return {.in_channels = config_.in_channels,
            .size_multiple = config_.size_multiple(),
            .sample_size = config_.sample_size,
            .conditioned_on_noise_level = config_.fourier_time};
  }
  ClassLabels* classes() override { return &config_.classes; }
  std::shared_ptr<const Network> build(ParameterSource& parameters) const override {
    return std::make_shared<const UNet2D>(config_, parameters);
  }
  std::shared_ptr<const Network> load(const std::filesystem::path& program) const override {
    throw internal_error("UNet2D", "{} is no program", program.string());
  }

 private:
  UNet2DConfig config_;
};

NetworkKind unet2d_kind() {
  return {.name = "unet2d",
          .json_class = "UNet2DModel",
          .program_format = "",
          .read_json = [](const nlohmann::json& json, const std::string& location) {
            return std::make_shared<UNet2DOptions>(parse_unet2d_config(json, location));
          }};
}

/// A program, whose file is all that there is.
class ProgramOptions final : public NetworkConfig {
 public:
  using Loader = std::shared_ptr<const Network> (*)(const std::filesystem::path&, const ProgramConfig&);
  explicit ProgramOptions(Loader loader) : loader_(loader) {}

  void visit(ParameterVisitor& v) override { config_.visit(v); }
  void complete(const std::string&) override {}
  NetworkFacts facts() const override {
    NetworkFacts facts{.in_channels = config_.in_channels,
                       .size_multiple = config_.size_multiple,
                       .learned_variance = config_.learn_sigma};
    if (config_.image_size > 0) facts.sample_size = {config_.image_size, config_.image_size};
    return facts;
  }
  std::shared_ptr<const Network> build(ParameterSource&) const override {
    throw internal_error("ProgramOptions", "a program has its parameters with it");
  }
  std::shared_ptr<const Network> load(const std::filesystem::path& program) const override {
    return loader_(program, config_);
  }

 private:
  Loader loader_;
  ProgramConfig config_;
};

NetworkKind program_kind(const char* name, const char* format, ProgramOptions::Loader loader) {
  return {.name = name, .json_class = "", .program_format = format, .make = [loader] {
            return std::make_shared<ProgramOptions>(loader);
          }};
}

}  // namespace

Registry<NetworkKind>& mutable_network_kinds() {
  static Registry<NetworkKind> kinds(
      "network",
      {network_kind<AdmConfig, AdmUNet>("adm"), network_kind<SongConfig, SongUNet>("songunet"),
       network_kind<DhariwalConfig, SongUNet>("dhariwalunet"), network_kind<NcsnppConfig, NcsnppUNet>("ncsnpp"),
       network_kind<DenoisingDiffusionConfig, DenoisingDiffusionUNet>("denoising_diffusion_unet"),
       network_kind<MonaiConfig, MonaiUNet>("diffusionmodelunet"), network_kind<DrunetConfig, Drunet>("drunet"),
       network_kind<FfdNetConfig, FfdNet>("ffdnet"), network_kind<DnCnnConfig, DnCnn>("dncnn"),
       program_kind("exported", "torch.export", load_exported),
       program_kind("torchscript", "TorchScript", load_torchscript), unet2d_kind()},
      ListOrder::as_added);
  return kinds;
}

const Registry<NetworkKind>& network_kinds() { return mutable_network_kinds(); }

std::vector<std::string> card_network_names() {
  std::vector<std::string> names;
  for (const NetworkKind& kind : network_kinds()) {
    if (kind.make) names.push_back(kind.name);
  }
  return names;
}

}  // namespace recon
