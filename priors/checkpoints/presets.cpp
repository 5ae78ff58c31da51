#include "priors/checkpoints/presets.h"

#include <array>
#include <utility>

namespace recon {
namespace {

// The denoisers work on [0, 1] and are told sigma: levels up to 50 of 255, for FFDNet up to 75.
constexpr std::array<std::pair<const char*, const char*>, 27> kPresets{
    {{"ffhq_256",
      "{architecture: {type: adm, image_size: 256, num_channels: 128, num_res_blocks: 1, attention_resolutions: [16], "
      "num_heads: 4, num_head_channels: 64, use_scale_shift_norm: true, resblock_updown: true, learn_sigma: true}, "
      "prediction: epsilon, schedule: vp_linear, value_range: [-1, 1]}"},
     {"imagenet_256",
      "{architecture: {type: adm, image_size: 256, num_channels: 256, num_res_blocks: 2, attention_resolutions: [32, "
      "16, 8], num_head_channels: 64, use_scale_shift_norm: true, resblock_updown: true, learn_sigma: true}, "
      "prediction: epsilon, schedule: vp_linear, value_range: [-1, 1]}"},
     {"dds_aapm_256",
      "{architecture: {type: adm, image_size: 256, in_channels: 1, num_channels: 256, num_res_blocks: 1, "
      "attention_resolutions: [16], num_head_channels: 64, use_scale_shift_norm: true, resblock_updown: true, "
      "learn_sigma: true}, prediction: epsilon, schedule: vp_linear, value_range: [0, 1]}"},
     {"dds_knee_320_complex",
      "{architecture: {type: adm, image_size: 320, in_channels: 2, num_channels: 256, num_res_blocks: 1, "
      "channel_mult: [1, 1, 2, 2, 4, 4], attention_resolutions: [16], num_head_channels: 64, use_scale_shift_norm: "
      "true, resblock_updown: true, learn_sigma: true}, prediction: epsilon, schedule: vp_linear, value_range: [-1, "
      "1]}"},
     {"inversebench_mri",
      "{architecture: {type: dhariwalunet, img_resolution: 320, in_channels: 2, model_channels: 128, channel_mult: [1, "
      "1, 1, 2, 2], attn_resolutions: [16], num_blocks: 1}, weights_key: ema, weights_prefix: model., prediction: edm, "
      "schedule: edm_rho, value_range: [-1, 1]}"},
     {"inversebench_fwi",
      "{architecture: {type: dhariwalunet, img_resolution: 128, in_channels: 1, model_channels: 128, channel_mult: [1, "
      "1, 1, 2, 2], attn_resolutions: [16], num_blocks: 1}, weights_key: ema, weights_prefix: model., prediction: edm, "
      "schedule: edm_rho, value_range: [-3, 3]}"},
     {"inversebench_scattering",
      "{architecture: {type: dhariwalunet, img_resolution: 128, in_channels: 1, model_channels: 128, channel_mult: [1, "
      "1, 1, 2, 2], attn_resolutions: [16], num_blocks: 1}, weights_key: ema, weights_prefix: model., prediction: edm, "
      "schedule: edm_rho, value_range: [-2, 2]}"},
     {"inversebench_navier_stokes",
      "{architecture: {type: dhariwalunet, img_resolution: 128, in_channels: 1, model_channels: 128, channel_mult: [1, "
      "1, 1, 2, 2], attn_resolutions: [16], num_blocks: 1}, weights_key: ema, weights_prefix: model., prediction: edm, "
      "schedule: edm_rho, value_range: [-1, 1]}"},
     {"inversebench_blackhole",
      "{architecture: {type: songunet, img_resolution: 64, in_channels: 1, model_channels: 128, channel_mult: [1, 2, "
      "2], attn_resolutions: [16], num_blocks: 1}, weights_key: ema, weights_prefix: model., prediction: epsilon, "
      "schedule: vp_continuous, time_input: timestep, time_scale: 999, value_range: [-1, 1]}"},
     {"inversebench_ffhq_256",
      "{architecture: {type: adm, image_size: 256, num_channels: 128, num_res_blocks: 1, attention_resolutions: [16], "
      "num_heads: 4, num_head_channels: 64, use_scale_shift_norm: true, resblock_updown: true, learn_sigma: false}, "
      "weights_key: ema, weights_prefix: model., prediction: epsilon, schedule: vp_continuous, time_input: timestep, "
      "time_scale: 999, value_range: [-1, 1]}"},
     {"openai_edm_lsun_256",
      "{architecture: {type: adm, image_size: 256, num_channels: 256, num_res_blocks: 2, attention_resolutions: [32, "
      "16, 8], num_head_channels: 64, use_scale_shift_norm: false, resblock_updown: true, learn_sigma: false}, "
      "prediction: edm, schedule: edm_rho, time_scale: 1000, value_range: [-1, 1]}"},
     {"imagenet_64_classes",
      "{architecture: {type: adm, image_size: 64, num_channels: 192, num_res_blocks: 3, attention_resolutions: [32, "
      "16, "
      "8], num_head_channels: 64, use_scale_shift_norm: true, resblock_updown: true, use_new_attention_order: true, "
      "learn_sigma: true, num_classes: 1000}, prediction: epsilon, schedule: vp_cosine, value_range: [-1, 1]}"},
     {"imagenet_128_classes",
      "{architecture: {type: adm, image_size: 128, num_channels: 256, num_res_blocks: 2, attention_resolutions: [32, "
      "16, 8], num_heads: 4, use_scale_shift_norm: true, resblock_updown: true, learn_sigma: true, num_classes: 1000}, "
      "prediction: epsilon, schedule: vp_linear, value_range: [-1, 1]}"},
     {"imagenet_256_classes",
      "{architecture: {type: adm, image_size: 256, num_channels: 256, num_res_blocks: 2, attention_resolutions: [32, "
      "16, 8], num_head_channels: 64, use_scale_shift_norm: true, resblock_updown: true, learn_sigma: true, "
      "num_classes: "
      "1000}, prediction: epsilon, schedule: vp_linear, value_range: [-1, 1]}"},
     {"imagenet_512_classes",
      "{architecture: {type: adm, image_size: 512, num_channels: 256, num_res_blocks: 2, attention_resolutions: [32, "
      "16, 8], num_head_channels: 64, use_scale_shift_norm: true, resblock_updown: true, learn_sigma: true, "
      "num_classes: "
      "1000}, prediction: epsilon, schedule: vp_linear, value_range: [-1, 1]}"},
     {"edm_cifar10",
      "{architecture: {type: songunet, img_resolution: 32, channel_mult: [2, 2, 2], augment_dim: 9}, prediction: edm, "
      "schedule: edm_rho, value_range: [-1, 1]}"},
     {"edm_cifar10_classes",
      "{architecture: {type: songunet, img_resolution: 32, channel_mult: [2, 2, 2], augment_dim: 9, label_dim: 10}, "
      "prediction: edm, schedule: edm_rho, value_range: [-1, 1]}"},
     {"edm_faces_64",
      "{architecture: {type: songunet, img_resolution: 64, channel_mult: [1, 2, 2, 2], augment_dim: 9}, prediction: "
      "edm, schedule: edm_rho, value_range: [-1, 1]}"},
     {"edm_imagenet_64_classes",
      "{architecture: {type: dhariwalunet, img_resolution: 64, label_dim: 1000}, prediction: edm, schedule: edm_rho, "
      "value_range: [-1, 1]}"},
     {"score_mri_knee_320",
      "{architecture: {type: ncsnpp, image_size: 320, num_channels: 1}, weights_key: [ema, shadow_params], "
      "weights_prefix: module., prediction: score, time_input: relative_sigma, schedule: {type: ve_geometric, "
      "sigma_min: 0.01, sigma_max: 378}, value_range: [0, 1]}"},
     {"diffusion_mbir_aapm_256",
      "{architecture: {type: ncsnpp, image_size: 256, num_channels: 1}, weights_key: [ema, shadow_params], "
      "weights_prefix: module., prediction: score, time_input: relative_sigma, schedule: {type: ve_geometric, "
      "sigma_min: 0.01, sigma_max: 378}, value_range: [0, 1]}"},
     {"score_sde_faces_256",
      "{architecture: {type: ncsnpp, image_size: 256, ch_mult: [1, 1, 2, 2, 2, 2, 2], num_res_blocks: 2, "
      "progressive_input: input_skip, progressive: output_skip}, weights_key: [ema, shadow_params], weights_prefix: "
      "module., prediction: score, time_input: relative_sigma, schedule: {type: ve_geometric, sigma_min: 0.01, "
      "sigma_max: 348}, value_range: [0, 1]}"},
     {"denoising_diffusion",
      "{architecture: {type: denoising_diffusion_unet, dim: 64}, weights_key: ema, weights_prefix: ema_model.model., "
      "prediction: v, schedule: vp_sigmoid, value_range: [-1, 1]}"},
     {"drunet_gray",
      "{architecture: {type: drunet, in_channels: 1}, prediction: x0, time_input: relative_sigma, value_range: [0, 1], "
      "schedule: {type: ve_geometric, sigma_min: 0.001, sigma_max: 0.196}}"},
     {"drunet_color",
      "{architecture: {type: drunet, in_channels: 3}, prediction: x0, time_input: relative_sigma, value_range: [0, 1], "
      "schedule: {type: ve_geometric, sigma_min: 0.001, sigma_max: 0.196}}"},
     {"ffdnet_gray",
      "{architecture: {type: ffdnet, in_channels: 1}, prediction: x0, time_input: relative_sigma, value_range: [0, 1], "
      "schedule: {type: ve_geometric, sigma_min: 0.001, sigma_max: 0.294}}"},
     {"ffdnet_color",
      "{architecture: {type: ffdnet, in_channels: 3, nc: 96, nb: 12}, prediction: x0, time_input: relative_sigma, "
      "value_range: [0, 1], schedule: {type: ve_geometric, sigma_min: 0.001, sigma_max: 0.294}}"}}};

}  // namespace

const char* preset_card(std::string_view name) {
  for (const auto& [preset, card] : kPresets) {
    if (name == preset) return card;
  }
  return nullptr;
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& [preset, card] : kPresets) names.emplace_back(preset);
  return names;
}

}  // namespace recon
