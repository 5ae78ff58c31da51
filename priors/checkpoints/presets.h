#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace recon {

/// The card keys of a published model, as YAML in one line; null for an unknown name.
///
/// recon/docs/priors.md lists them. Where the options come from:
///
/// ffhq_256            ffhq_10m.pt of DPS (Chung et al. 2023), its configs/model_config.yaml
/// imagenet_256        256x256_diffusion_uncond.pt of guided-diffusion (Dhariwal & Nichol 2021), its README's flags
/// imagenet_*_classes  *_diffusion.pt of guided-diffusion, its README's flags
/// edm_*               Karras et al. 2022, train.py and the commands of its README; converted, see priors.md
/// score_*, diffusion_mbir_*   score_sde (Song et al. 2021), configs/ve; score-MRI (Chung & Ye 2022) and DiffusionMBIR
///                     (Chung et al. 2023), their configs/ve and default_lsun_configs.py
/// denoising_diffusion the example of denoising-diffusion-pytorch's README, as its Trainer saves it
/// dds_*               DDS (Chung et al. 2024), its configs/vp; images go in as they are
/// inversebench_*      InverseBench (Zheng et al. 2025), its configs/pretrain and models/precond.py
/// openai_edm_lsun_256 edm_{bedroom,cat}256_ema.pt of OpenAI's consistency models (Song et al. 2023); the network is
///                     told 250 ln sigma, 1000 times EDM's ln(sigma) / 4
const char* preset_card(std::string_view name);
std::vector<std::string> preset_names();

}  // namespace recon
