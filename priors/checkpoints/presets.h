#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace recon {

/// The card keys of a published model, as YAML in one line; null for an unknown name.
///
/// | name         | model                                                                                            |
/// |--------------|--------------------------------------------------------------------------------------------------|
/// | ffhq_256     | faces: ffhq_10m.pt of DPS (Chung et al. 2023), its configs/model_config.yaml                      |
/// | imagenet_256 | 256x256_diffusion_uncond.pt of guided-diffusion (Dhariwal & Nichol 2021), its README's flags      |
const char* preset_card(std::string_view name);
std::vector<std::string> preset_names();

}  // namespace recon
