#include "priors/networks/ncsnpp_config.h"

#include <algorithm>

#include "priors/networks/network_limits.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// Every norm has C / 4 groups, at most 32, and they must divide C.
void require_norm_groups(std::int64_t channels, const std::string& location) {
  const std::int64_t groups = std::min<std::int64_t>(32, channels / 4);
  if (channels > kMaxChannels || groups < 1 || channels % groups != 0) {
    throw data_error(location, "'nf', 'ch_mult': {} channels do not divide into groups of a norm", channels);
  }
}

}  // namespace

void NcsnppConfig::visit(ParameterVisitor& v) {
  const Limits positive{.min = 1, .max = static_cast<double>(kMaxChannels)};
  v.field("image_size", image_size, "side of the images of training", positive);
  v.field("num_channels", num_channels, "of the image", positive);
  v.field("nf", nf, "channels of a level are this times its multiplier", positive);
  v.field("ch_mult", ch_mult, "a whole multiplier per level, finest first", positive);
  v.field("num_res_blocks", num_res_blocks, "residual blocks per level on the way down", {.min = 1, .max = 64});
  v.field("attn_resolutions", attn_resolutions, "sides, in pixels, at which there is self-attention", positive);
  v.choice("embedding_type", embedding_type, "how the network sees the noise: fourier of ln sigma, positional of t");
  v.field("fir", fir, "resolution changes by the filter [1, 3, 3, 1], else by mean and repetition");
  v.field("skip_rescale", skip_rescale, "sums in blocks are divided by sqrt 2");
  v.choice("progressive_input", progressive_input, "where the image enters beside the first convolution");
  v.choice("progressive", progressive, "output_skip: every level adds to the output");
  v.field("scale_by_sigma", scale_by_sigma, "the output is divided by sigma");
  v.field("centered", centered, "images of training were in [-1, 1], else in [0, 1]");
  v.field("num_scales", num_scales, "noise levels that the file lists as `sigmas`", {.min = 2, .max = 1e6});
}

void NcsnppConfig::complete(const std::string& location) const {
  if (ch_mult.empty() || ch_mult.size() > kMaxLevels) {
    throw data_error(location, "'ch_mult': expected 1 to {} whole numbers", kMaxLevels);
  }
  if (image_size % size_multiple() != 0) {
    throw data_error(location, "'image_size': expected a multiple of {} for {} levels, got {}", size_multiple(),
                     ch_mult.size(), image_size);
  }
  if (progressive_input == NcsnppInput::residual && !fir) {
    throw data_error(location, "'progressive_input': residual needs `fir: true`");
  }
  if (embedding_type == TimeFeatures::positional && nf < 4) {
    throw data_error(location, "'nf': expected at least 4 for embedding_type positional, got {}", nf);
  }
  for (std::size_t level = 0; level < ch_mult.size(); ++level) {
    const std::int64_t wide = channels(level), above = level == 0 ? nf : channels(level - 1);
    // On the way up a block sees features of this level, or of the one above, beside its own or those from below.
    const std::int64_t below = channels(std::min(level + 1, ch_mult.size() - 1));
    for (const std::int64_t sum : {wide, 2 * wide, wide + below, wide + above, below + above}) {
      require_norm_groups(sum, location);
    }
  }
}

bool NcsnppConfig::attends(std::size_t level) const {
  return std::find(attn_resolutions.begin(), attn_resolutions.end(), image_size >> level) != attn_resolutions.end();
}

}  // namespace recon
