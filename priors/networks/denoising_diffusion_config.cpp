#include "priors/networks/denoising_diffusion_config.h"

#include "priors/networks/network_limits.h"
#include "recon/core/error.h"

namespace recon {
namespace {

template <class Value>
void spread(std::vector<Value>& values, const char* key, std::size_t levels, const std::string& location) {
  if (values.size() == 1) values.resize(levels, values.front());
  if (values.size() != levels) {
    throw data_error(location, "'{}': expected 1 or {} entries, one per level, got {}", key, levels, values.size());
  }
}

}  // namespace

void DenoisingDiffusionConfig::visit(ParameterVisitor& v) {
  const Limits positive{.min = 1, .max = static_cast<double>(kMaxChannels)};
  v.field("dim", dim, "channels of a level are this times its multiplier", positive);
  v.field("init_dim", init_dim, "channels of the first level; -1: dim",
          {.min = -1, .max = static_cast<double>(kMaxChannels)});
  v.field("dim_mults", dim_mults, "a whole multiplier per level, finest first", positive);
  v.field("channels", channels, "of the image", positive);
  v.field("self_condition", self_condition, "the network also takes an estimate of the image: zeros here");
  v.field("learned_variance", learned_variance, "the network gives a variance beside its prediction");
  v.field("sinusoidal_pos_emb_theta", sinusoidal_pos_emb_theta, "longest period of the features of the time",
          {.min = 1, .open_min = true});
  v.field("attn_dim_head", attn_dim_head, "channels of an attention head: one number, or one per level", positive);
  v.field("attn_heads", attn_heads, "attention heads: one number, or one per level", positive);
  v.visit({"full_attn",
           "true or false per level: full attention, else linear; without it, full in the last level only",
           &full_attn,
           {},
           {"true", "false"}});
}

void DenoisingDiffusionConfig::complete(const std::string& location) {
  if (dim_mults.empty() || levels() > kMaxLevels) {
    throw data_error(location, "'dim_mults': expected 1 to {} whole numbers", kMaxLevels);
  }
  if (dim % 2 != 0 || dim < 4) throw data_error(location, "'dim': expected an even number, 4 or more, got {}", dim);
  if (init_dim == 0) throw data_error(location, "'init_dim': expected -1 or a positive number, got 0");
  spread(attn_dim_head, "attn_dim_head", levels(), location);
  spread(attn_heads, "attn_heads", levels(), location);
  if (full_attn.empty()) {
    full_attn.assign(levels(), "false");
    full_attn.back() = "true";
  }
  spread(full_attn, "full_attn", levels(), location);
  for (std::size_t level = 0; level < levels(); ++level) {
    for (const std::int64_t wide : {level_out(level), attn_dim_head[level] * attn_heads[level]}) {
      if (wide > kMaxChannels) {
        throw data_error(location, "level {} has {} channels, expected at most {}", level, wide, kMaxChannels);
      }
    }
  }
}

}  // namespace recon
