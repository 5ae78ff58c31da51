#include "priors/checkpoints/presets.h"

#include <array>
#include <utility>

namespace recon {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 2> kPresets{
    {{"ffhq_256",
      "{architecture: {type: adm, image_size: 256, num_channels: 128, num_res_blocks: 1, attention_resolutions: [16], "
      "num_heads: 4, num_head_channels: 64, use_scale_shift_norm: true, resblock_updown: true, learn_sigma: true}, "
      "prediction: epsilon, schedule: vp_linear, value_range: [-1, 1]}"},
     {"imagenet_256",
      "{architecture: {type: adm, image_size: 256, num_channels: 256, num_res_blocks: 2, attention_resolutions: [32, "
      "16, 8], num_head_channels: 64, use_scale_shift_norm: true, resblock_updown: true, learn_sigma: true}, "
      "prediction: epsilon, schedule: vp_linear, value_range: [-1, 1]}"}}};

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
